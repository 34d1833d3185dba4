"""Asking for the password again before what is dangerous; it then counts for ten minutes."""

from datetime import UTC, datetime

from flask import make_response, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.access import asks_for_password
from app.audit.trail import record
from app.auth import sessions
from app.auth.forms import ConfirmForm
from app.counters import Window
from app.errors import TooMany, kept_fields
from app.extensions import counters, db
from app.htmx import page_before, render, wants_part
from app.users.models import User

TRIES, TRIES_SECONDS = 10, 600


@asks_for_password
def ask() -> ResponseReturnValue | None:
    """The page that asks, with what was sent kept in it; None once the password was right."""
    form = ConfirmForm()
    if "confirm_password" not in request.form:
        return page(form, 403)
    count_try()
    user = db.session.get_one(User, current_user.id)
    if not user.has_password(form.confirm_password.data or ""):
        record("confirmation.failed", user.as_subject)
        db.session.commit()
        form.refuse("confirm_password", "This is not your password")
        return page(form, 422)
    user.session_token = current_user.session_token
    record("confirmation", user.as_subject)
    sessions.confirm(user)
    return None


def count_try() -> None:
    """Guesses at one person's password, from whichever of their sessions. Raises TooMany."""
    window = Window.at(counters.now(), TRIES_SECONDS)
    if counters.take(f"confirmation/{current_user.id}", window, TRIES) > TRIES:
        raise TooMany(datetime.fromtimestamp(window.end, UTC), again="try again")


def page(form: ConfirmForm, status: int) -> ResponseReturnValue:
    is_change = request.method == "POST"
    form.next.data = page_before("/") if wants_part() else request.full_path.rstrip("?")
    context = {"form": form, "path": request.path if is_change else None}
    fields = kept_fields() if is_change else []
    html = render("auth/confirm.html", "auth/_confirm.html", fields=fields, **context)
    response = make_response(html, status)
    response.headers["HX-Retarget"], response.headers["HX-Reswap"] = "#main", "innerHTML"
    return response
