"""The trail's vocabulary: what can be on record, in which group it is found, and how it reads."""

GROUPS = {
    "sign-in": "Sign-ins",
    "account": "Accounts",
    "role": "Access",
    "tier": "Tiers and limits",
}

# Code: (group, sentence). {subject} is who or what it was done to, {detail} what else there is.
ACTIONS = {
    "sign_in": ("sign-in", "Signed in"),
    "sign_in.failed": ("sign-in", "Failed sign-in for “{detail}”"),
    "sign_in.throttled": ("sign-in", "Too many sign-ins for “{detail}”"),
    "sign_out": ("sign-in", "Signed out"),
    "session.ended": ("sign-in", "Ended a session of {subject}"),
    "session.ended_all": ("sign-in", "Signed {subject} out everywhere"),
    "account.created": ("account", "Added {subject}"),
    "account.changed": ("account", "Changed {subject}"),
    "account.deleted": ("account", "Deleted {subject}"),
    "account.restored": ("account", "Restored {subject}"),
    "password.set": ("account", "Chose a first password"),
    "password.changed": ("account", "Changed their password"),
    "role.deactivated": ("role", "Deactivated {subject}"),
    "role.activated": ("role", "Activated {subject}"),
    "tier.moved": ("tier", "Moved {subject} to another tier"),
    "tier.created": ("tier", "Added the tier {subject}"),
    "tier.renamed": ("tier", "Renamed the tier {subject}"),
    "tier.deleted": ("tier", "Deleted the tier {subject}"),
    "limit.created": ("tier", "Added a limit to {subject}"),
    "limit.changed": ("tier", "Changed a limit of {subject}"),
    "limit.deleted": ("tier", "Removed a limit from {subject}"),
    "counts.reset": ("tier", "Reset the counts of {subject}"),
}


def codes_of(group: str) -> list[str]:
    """The codes of a group; none for a group that is not there."""
    return [code for code, (its_group, _) in ACTIONS.items() if its_group == group]
