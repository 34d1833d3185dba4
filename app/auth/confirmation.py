"""Asking for the password again before what is dangerous; it then counts for ten minutes."""

from flask import make_response, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.access import asks_for_password
from app.audit.trail import record
from app.auth import sessions
from app.auth.forms import ConfirmForm
from app.auth.throttles import count_own_password
from app.errors import kept_fields
from app.extensions import db
from app.htmx import CAME_FROM, page_before, render, wants_part
from app.users.me import myself


@asks_for_password
def ask() -> ResponseReturnValue | None:
    """The page that asks, with what was sent kept in it; None once the password was right."""
    form = ConfirmForm()
    if "confirm_password" not in request.form:
        return page(form, 403)
    if not form.validate():
        return page(form, 422)
    user = myself()
    count_own_password(user)
    if not user.has_password(form.confirm_password.data or ""):
        record("confirmation.failed", user.as_subject)
        db.session.commit()
        form.refuse("confirm_password", "This is not your password")
        return page(form, 422)
    user.session_token = current_user.session_token
    record("confirmation", user.as_subject)
    sessions.confirm(user)
    return None


def page(form: ConfirmForm, status: int) -> ResponseReturnValue:
    """With htmx it takes the place of the whole page, whatever part was asked for."""
    is_change = request.method == "POST"
    context = {
        "form": form,
        "path": request.path if is_change else url_for("auth.confirm"),
        "fields": kept() if is_change else [("next", page_to_open())],
        "back": place_before(),
        "does_it": is_change and request.endpoint != "auth.confirm",
    }
    html = render("auth/confirm.html", "auth/_confirm.html", **context)
    response = make_response(html, status)
    response.headers["HX-Retarget"], response.headers["HX-Reswap"] = "#main", "innerHTML"
    return response


def kept() -> list[tuple[str, str]]:
    """What the door was sent, without what this page adds."""
    return [(name, value) for name, value in kept_fields() if name != CAME_FROM]


def page_to_open() -> str:
    """The page that was asked for; for a part of one, the page around it."""
    return place_before() if wants_part() else request.full_path.rstrip("?")


def place_before() -> str:
    """Where the person was: Cancel leads there, and so does what they do, once it is done."""
    home = url_for("home.index")
    place = page_before(home)
    return home if place.partition("?")[0] == request.path else place
