"""The mail with the link by which a person chooses a new password."""

from flask import current_app

from app.extensions import db
from app.mail.sending import Letter, send
from app.tasks import Running, task
from app.users import links
from app.users.models import User


@task("Password reset mail", by_hand=False)
def mail_reset(_job: Running, *, email: str, site: str) -> None:
    """Mail a fresh link to whoever has that address, if anybody may still sign in with it."""
    user = db.session.scalar(User.by_login(email))
    if user is None or not user.is_active:
        return
    with current_app.test_request_context(base_url=site):
        send(letter_to(user, f"{site}reset/{links.issue('reset', user)}"))


def letter_to(user: User, link: str) -> Letter:
    return Letter(
        to=user.email,
        subject="Choose a new password",
        greeting=f"Hello {user.name},",
        before=("Choose a new password for your account with this link.",),
        link=link,
        label="Choose a new password",
        after=("The link works once, for one hour.",),
    )
