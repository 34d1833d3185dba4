"""Mails that a developer's machine kept instead of sending them, for its admin only."""

from flask import Blueprint, abort, current_app, render_template
from flask.typing import ResponseReturnValue

from app.access import operators_only
from app.config import Settings
from app.extensions import db
from app.mail.models import Mail

mail = Blueprint("mail", __name__, url_prefix="/mail")

SHOWN = 50


@mail.get("")
@operators_only
def index() -> ResponseReturnValue:
    settings: Settings = current_app.config["SETTINGS"]
    if not settings.keeps_mail:
        abort(404)
    mails = db.session.scalars(Mail.newest().limit(SHOWN)).all()
    return render_template("mail/index.html", mails=mails)
