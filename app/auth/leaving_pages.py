"""A person deletes their own account."""

from flask import Blueprint, current_app, render_template, url_for
from flask.typing import ResponseReturnValue

from app.access import confirmation_required, sign_in_required
from app.auth import sessions
from app.extensions import db
from app.htmx import Toast, redirect_with
from app.tokens.models import ApiToken
from app.users import deeds
from app.users.mail_tasks import tell_of_leaving
from app.users.me import myself

leaving = Blueprint("leaving", __name__, url_prefix="/profile/delete")


@leaving.get("")
@sign_in_required
def show() -> ResponseReturnValue:
    settings = current_app.config["SETTINGS"]
    return render_template("profile/delete.html", days=settings.job_result_days)


@leaving.post("")
@sign_in_required
@confirmation_required
def delete() -> ResponseReturnValue:
    """Out of sight, signed out everywhere, and without anything that could let them in again."""
    user = myself()
    tell_of_leaving(user)
    db.session.execute(ApiToken.revoked_for(user))
    deeds.leave(user)
    sessions.end()
    return redirect_with(url_for("auth.sign_in"), Toast("Your account is deleted."))
