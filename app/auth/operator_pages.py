"""What operators do about how another person signs in. They never set a password themselves."""

from flask import url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.access import confirmation_required, operators_only
from app.auth.pages import auth
from app.auth.second_factors import take_factors
from app.auth.tasks import mail_reset
from app.errors import Refused
from app.extensions import db
from app.htmx import Toast, page_before, redirect_with
from app.mail.sending import has_mail, this_site
from app.users import deeds
from app.users.models import User


def page_of(user: User) -> str:
    return page_before(url_for("users.show", username=user.username))


@auth.post("/users/<username>/require-reset")
@operators_only
@confirmation_required
def require_reset(username: str) -> ResponseReturnValue:
    user = db.one_or_404(User.by_username(username))
    if not has_mail():
        raise Refused("This site sends no mail, so nobody could get back in. Set SMTP_HOST first.")
    mail_reset.enqueue(email=user.email, site=this_site())  # kept only if the deed is
    deeds.require_reset(user, current_user)
    return redirect_with(page_of(user), Toast(f"{user.name} must choose a new password"))


@auth.post("/users/<username>/remove-factors")
@operators_only
@confirmation_required
def remove_factors(username: str) -> ResponseReturnValue:
    """For somebody who lost them all: their password alone lets them in afterwards."""
    user = db.one_or_404(User.by_username(username))
    if user.id == current_user.id:
        raise Refused("Remove your own second factors on the Security page.")
    take_factors(user)
    return redirect_with(page_of(user), Toast(f"The second factors of {user.name} are removed"))
