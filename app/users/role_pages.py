"""Who is an operator: made and unmade on the page of a person."""

from flask import url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.access import confirmation_required, operators_only
from app.htmx import Toast, redirect_with
from app.users import deeds
from app.users.pages import living, page_of, users


@users.post("/<username>/promote")
@operators_only
@confirmation_required
def promote(username: str) -> ResponseReturnValue:
    user = living(username)
    deeds.promote(user)
    undo = url_for(".demote", username=username)
    return redirect_with(page_of(user), Toast(f"{user.name} is an operator", undo, {"undo": "1"}))


@users.post("/<username>/demote")
@operators_only
@confirmation_required
def demote(username: str) -> ResponseReturnValue:
    user = living(username)
    deeds.demote(user, current_user)
    undo = url_for(".promote", username=username)
    toast = Toast(f"{user.name} is no operator any more", undo, {"undo": "1"})
    return redirect_with(page_of(user), toast)
