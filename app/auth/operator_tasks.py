"""Mails that tell people what an operator did to their account."""

from flask import current_app

from app.extensions import db
from app.mail.sending import Letter, send
from app.tasks import Running, task
from app.users.models import User


@task("Second factors removed mail", by_hand=False)
def mail_factors_removed(_job: Running, *, user_id: int, site: str) -> None:
    """Tell a person that their password alone lets them in now."""
    user = db.session.get(User, user_id)
    if user is not None and not user.is_deleted:
        with current_app.test_request_context(base_url=site):
            send(letter_to(user))


def letter_to(user: User) -> Letter:
    return Letter(
        to=user.email,
        subject="Your second factors were removed",
        greeting=f"Hello {user.name},",
        before=(
            "An operator removed the passkeys, the authenticator app and the recovery codes from "
            "your account, and signed you out everywhere.",
            "Your password alone lets you in now. Add a second factor again after you sign in.",
        ),
        after=("If you did not ask for this, tell an operator at once.",),
    )
