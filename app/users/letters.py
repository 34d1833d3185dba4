"""What the mails about a person's own account say."""

from app.mail.sending import Letter
from app.users.models import User

NOT_YOU = "If this was not you, change your password and look at where you are signed in."
IGNORE = "If you did not ask for this, ignore this mail: nothing changes."


def masked(email: str) -> str:
    """Enough of an address for its owner to know it: n***@example.com."""
    mailbox, _, domain = email.rpartition("@")
    return f"{mailbox[:1]}***@{domain}"


def confirm_address(user: User, link: str) -> Letter:
    return Letter(
        to=user.email,
        subject="Confirm your email address",
        greeting=user.name,
        before=(f"Confirm that mails to {user.email} reach you.",),
        link=link,
        label="Confirm this address",
        after=("The link works once, for 24 hours.", IGNORE),
    )


def new_address(user: User, email: str, link: str) -> Letter:
    """To an address that is perhaps not theirs: it says nothing that they could have made up."""
    return Letter(
        to=email,
        subject="Confirm your new email address",
        greeting=user.username,
        before=(f"Somebody asked to use {email} for the account {user.username}.",),
        link=link,
        label="Use this address",
        after=("The link works once, for one hour.", IGNORE),
    )


def address_asked(user: User, email: str) -> Letter:
    return Letter(
        to=user.email,
        subject="Your email address is about to change",
        greeting=user.name,
        before=(
            f"You asked to change your address from {user.email} to {masked(email)}.",
            "Nothing changes until the link that was sent there is used.",
        ),
        after=(NOT_YOU,),
    )


def address_wanted(holder: User) -> Letter:
    """To whoever has an address that somebody else wants to use."""
    return Letter(
        to=holder.email,
        subject="Somebody tried to use your email address",
        greeting=holder.name,
        before=(
            "Somebody asked to use your address for another account. Nothing was changed, and "
            "they were not told that you have an account here.",
        ),
        after=("You need to do nothing.",),
    )


def address_changed(user: User, before: str) -> Letter:
    return Letter(
        to=before,
        subject="Your email address was changed",
        greeting=user.name,
        before=(
            f"Your account {user.username} now uses {masked(user.email)}. Mails no longer go to "
            f"{before}.",
        ),
        after=("If this was not you, tell an operator at once.",),
    )


def address_edited(user: User, before: str) -> Letter:
    return Letter(
        to=before,
        subject="Your email address was changed",
        greeting=user.name,
        before=(
            f"An operator changed the address of your account {user.username} from {before} to "
            f"{masked(user.email)}.",
        ),
        after=("If you did not ask for this, tell an operator at once.",),
    )


def invitation(user: User, link: str) -> Letter:
    return Letter(
        to=user.email,
        subject="Choose a password for your new account",
        greeting=user.name,
        before=(
            f"An operator made the account {user.username} for you. Choose a password to use it.",
        ),
        link=link,
        label="Choose a password",
        after=("The link works once, for 7 days.",),
    )


def account_deleted(user: User) -> Letter:
    return Letter(
        to=user.email,
        subject="Your account is deleted",
        greeting=user.name,
        before=(
            f"You deleted your account {user.username}. You are signed out everywhere, and your "
            "API tokens are gone.",
        ),
        after=("If this was not you, tell an operator: they can restore the account.",),
    )
