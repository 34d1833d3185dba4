"""Telling the owner by mail that a second factor came or went."""

from flask import current_app

from app.config import Settings
from app.extensions import db
from app.mail.sending import Letter, link_to, mail_task, send
from app.tasks import Running
from app.users.models import User


@mail_task("Mail: a second factor came or went")
def tell_about_factor(_job: Running, user_id: int, said: str, site: str) -> None:
    """Mail ``said``, one sentence, to the owner, with what to do if it was not them."""
    user = db.session.get(User, user_id)
    if user is None or user.is_deleted:
        return
    settings: Settings = current_app.config["SETTINGS"]
    send(
        Letter(
            to=user.email,
            subject=f"The sign-in of your account at {settings.app_name} changed",
            greeting=user.name,
            before=(said,),
            link=link_to(site, "security.index"),
            label="Look at your account's security",
            after=(
                "If this was not you, somebody else may have your password. Change it at once, "
                "end all other sessions, and remove what you did not add.",
            ),
        )
    )
