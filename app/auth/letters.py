"""What is mailed about signing up and passwords."""

from dataclasses import replace

from app.mail.sending import Letter
from app.users.models import User

NOT_YOU = "If this was not you, you need not do anything: without the link nothing happens."
FINISH = (
    "Thank you for signing up. One step is left: open this link and give the password that you "
    "chose. It works once, for 24 hours."
)
ALREADY = (
    "Somebody, probably you, wanted to sign up with this address. It has an account already: its "
    "username is {username}."
)
UNCHANGED = "If this was not you, you need not do anything: your account is as it was."
ASKED = "Somebody, probably you, asked for a new password."
REQUIRED = "An operator asked that you choose a new password."
HOW = (
    "Open this link and choose one. It works once, for one hour, and only until the password of "
    "{username} changes."
)
CHANGED = (
    "The password of your account {username} was changed, and every other browser and program is "
    "signed out."
)
REMOVED = (
    "An operator removed the passkeys, the authenticator app and the recovery codes from your "
    "account, and signed you out everywhere.",
    "Your password alone lets you in now. Add a second factor again after you sign in.",
)
NOT_ASKED = "If you did not ask for this, tell an operator at once."


def finish_sign_up(to: str, username: str, link: str) -> Letter:
    """To an address that is perhaps not theirs: a name can say anything, a username cannot."""
    return Letter(
        to, "Finish your sign-up", username, (FINISH,), link, "Finish sign-up", (NOT_YOU,)
    )


def already_here(user: User, sign_in: str, forgot: str) -> Letter:
    letter = Letter(user.email, "You have an account already", user.name, ())
    after = (f"Forgot the password? Ask for a new one: {forgot}", UNCHANGED)
    before = (ALREADY.format(username=user.username),)
    return replace(letter, before=before, link=sign_in, label="Sign in", after=after)


def reset_password(user: User, link: str) -> Letter:
    letter = Letter(user.email, "Choose a new password", user.name, ())
    why = REQUIRED if user.must_reset else ASKED
    before = (f"{why} {HOW.format(username=user.username)}",)
    return replace(letter, before=before, link=link, label="Choose a password", after=(NOT_YOU,))


def password_changed(user: User, forgot: str) -> Letter:
    before = (CHANGED.format(username=user.username),)
    after = (f"If this was not you, choose a new one at once: {forgot}",)
    return Letter(user.email, "Your password was changed", user.name, before, after=after)


def factors_removed(user: User) -> Letter:
    subject = "Your second factors were removed"
    return Letter(user.email, subject, user.name, REMOVED, after=(NOT_ASKED,))
