"""A person is edited in the row, or on a page of its own where there is no script."""

from typing import Any

from flask import render_template, url_for
from flask.typing import ResponseReturnValue

from app.access import ask_for_password, operators_only
from app.errors import Stale, Taken
from app.extensions import db
from app.htmx import (
    Toast,
    own_page,
    page_before,
    redirect_with,
    render,
    swap_or_redirect,
    wants_part,
)
from app.users import deeds
from app.users.forms import ProfileForm
from app.users.mail_tasks import tell_address_before
from app.users.models import User
from app.users.pages import living, too_late, users


@users.get("/<username>/edit")
@operators_only
def edit(username: str) -> ResponseReturnValue:
    user = living(username)
    form = ProfileForm.of(user, back=page_before(url_for(".show", username=username)))
    return render("users/edit.html", "users/_editor.html", user=user, form=form, conflict=None)


@users.get("/<username>/row")
@operators_only
def row(username: str) -> ResponseReturnValue:
    """The row again, when an editor is left."""
    user = living(username)
    if not wants_part():
        return redirect_with(url_for(".index", q=username))
    return render_template("users/_user.html", user=user, focus=True)


@users.post("/<username>")
@operators_only
def update(username: str) -> ResponseReturnValue:
    user = living(username)
    form = ProfileForm()
    before, tier = ProfileForm.values_of(user), user.tier
    if not form.validate():
        return refused_edit(user, form)
    if form.email.data != user.email:
        # Reset links go there: whoever chooses the address can become that person.
        if asked := ask_for_password():
            return asked
        tell_address_before(user)
    form.apply_to(user)
    try:
        deeds.check_version(user, form.version.data)
        deeds.note_edit(user, before, ProfileForm.values_of(user))
        deeds.note_move(user, tier)
        deeds.save(user)
    except Taken as taken:
        form.refuse(taken.field, taken.sentence)
        return refused_edit(living(username), form)
    except Stale:
        db.session.rollback()
        return overtaken(living(username), form)
    place = own_page(form.back.data, page_before(url_for(".show", username=user.username)))
    place = renamed(place, username, user.username)
    toast = saved(user, before, is_undo=bool(form.undo.data))
    return swap_or_redirect("users/_user.html", place, toast, user=user, focus=True)


def saved(user: User, before: dict[str, str], is_undo: bool) -> Toast:
    if is_undo:
        return Toast(f"{user.name} is as before")
    undo = url_for(".update", username=user.username)
    return Toast(f"{user.name} saved", undo, {**before, "version": user.version, "undo": "1"})


def renamed(place: str, before: str, after: str) -> str:
    """``place`` once the person's own page has moved."""
    own = url_for(".show", username=before)
    return url_for(".show", username=after) if place.split("?")[0] == own else place


def refused_edit(
    user: User, form: ProfileForm, status: int = 422, conflict: str | None = None
) -> ResponseReturnValue:
    """The editor again, with what was typed and what is wrong with it."""
    if form.undo.data:
        return redirect_with(url_for(".show", username=user.username), too_late(user))
    form.back.data = own_page(form.back.data, "")
    context: dict[str, Any] = {"user": user, "form": form, "conflict": conflict}
    return render("users/edit.html", "users/_editor.html", **context), status


def overtaken(user: User, form: ProfileForm) -> ResponseReturnValue:
    """409: both values, and one more press to keep one's own."""
    form.version.data = str(user.version)
    what = form.told_apart(ProfileForm.values_of(user))
    conflict = f"{user.name} was changed by somebody else. {what}. Save again to use your values."
    return refused_edit(user, form, 409, conflict)
