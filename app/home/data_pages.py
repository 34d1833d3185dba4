"""A person downloads what is kept about them."""

from flask import Blueprint, Response, render_template, stream_with_context
from flask.typing import ResponseReturnValue

from app.access import confirmation_required, sign_in_required
from app.audit.trail import record
from app.extensions import db
from app.home.data import as_json
from app.tries import count_try
from app.users.me import myself

MOST_AN_HOUR = 10

data = Blueprint("data", __name__, url_prefix="/profile/data")


@data.get("")
@sign_in_required
@confirmation_required
def show() -> ResponseReturnValue:
    """Asks for the password by itself, so that the file can follow at once."""
    return render_template("profile/data.html")


@data.post("")
@sign_in_required
@confirmation_required
def download() -> ResponseReturnValue:
    user = myself()
    count_try(f"data/{user.id}", MOST_AN_HOUR, 3600, again="download your data")
    record("account.exported", user.as_subject)
    db.session.commit()
    response = Response(stream_with_context(as_json(user)), mimetype="application/json")
    response.headers.set("Content-Disposition", "attachment", filename="my-data.json")
    return response
