"""The trail's vocabulary: what can be on record, in which group it is found, and how it reads."""

GROUPS = {
    "sign-in": "Sign-ins",
    "account": "Accounts",
    "role": "Access",
    "tier": "Tiers and limits",
}

# Code: (group, sentence). {subject} is who or what it was done to, {detail} what else there is.
ACTIONS = {
    "sign_in": ("sign-in", "Signed in {detail}"),
    "sign_in.failed": ("sign-in", "Failed sign-in for “{detail}”"),
    "sign_in.throttled": ("sign-in", "Too many sign-ins for “{detail}”"),
    "sign_out": ("sign-in", "Signed out"),
    "sign_in.factor_failed": ("sign-in", "Failed second step of signing in"),
    "sign_in.factor_throttled": ("sign-in", "Too many second steps of signing in"),
    "confirmation": ("sign-in", "Confirmed their password"),
    "confirmation.failed": ("sign-in", "Failed to confirm their password"),
    "api.signed_in": ("sign-in", "Signed in by the API"),
    "api.reused": ("sign-in", "Ended an API sign-in: its used refresh token came again"),
    "session.ended": ("sign-in", "Ended a session of {subject}"),
    "session.ended_all": ("sign-in", "Signed {subject} out everywhere"),
    "account.created": ("account", "Added {subject}"),
    "account.changed": ("account", "Changed {subject}"),
    "account.deleted": ("account", "Deleted {subject}"),
    "account.restored": ("account", "Restored {subject}"),
    "account.signed_up": ("account", "Signed up"),
    "account.left": ("account", "Deleted their own account"),
    "account.exported": ("account", "Downloaded their data"),
    "email.asked": ("account", "Asked to change their address to {detail}"),
    "email.confirmed": ("account", "Confirmed the address {detail}"),
    "email.changed": ("account", "Changed their address"),
    "password.asked": ("account", "Asked for a new password for “{detail}”"),
    "password.reset": ("account", "Reset their password by mail"),
    "password.set": ("account", "Chose a first password"),
    "password.changed": ("account", "Changed their password"),
    "factor.passkey_added": ("account", "Added the passkey {detail}"),
    "factor.passkey_removed": ("account", "Removed the passkey {detail}"),
    "factor.app_added": ("account", "Added an authenticator app"),
    "factor.app_removed": ("account", "Removed the authenticator app"),
    "factor.codes_made": ("account", "Made new recovery codes"),
    "factor.code_used": ("sign-in", "Used a recovery code"),
    "factor.passkey_copied": ("sign-in", "A passkey counted backwards: it may have been copied"),
    "token.created": ("account", "Created the API token {detail}"),
    "token.revoked": ("account", "Revoked the API token {detail}"),
    "role.promoted": ("role", "Made {subject} an operator"),
    "role.demoted": ("role", "Took the operator role from {subject}"),
    "role.reset_required": ("role", "Required {subject} to reset the password"),
    "factor.removed_by_operator": ("role", "Removed the second factors of {subject}"),
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
