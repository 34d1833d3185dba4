"""What people say about themselves, and how pages look for them. More doors: address_pages."""

from typing import Any

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue

from app.access import sign_in_required
from app.audit.trail import record
from app.errors import Stale, Taken
from app.extensions import db
from app.htmx import Toast, redirect_with, render
from app.mail.sending import has_mail
from app.users import deeds
from app.users.me import myself
from app.users.models import User
from app.users.profile_forms import AddressForm, LookForm, OwnProfileForm

profile = Blueprint("profile", __name__)

TOO_LATE = "This changed again since. Look at it, then edit it."


def about(user: User) -> dict[str, Any]:
    """What the page shows."""
    return {
        "user": user,
        "form": OwnProfileForm.of(user),
        "look": LookForm.of(user),
        "address": AddressForm(user, formdata=None),
        "conflict": None,
        "has_mail": has_mail(),
    }


@profile.get("/profile")
@sign_in_required
def index() -> ResponseReturnValue:
    return render_template("profile/index.html", **about(myself()))


@profile.post("/profile")
@sign_in_required
def update() -> ResponseReturnValue:
    user, form = myself(), OwnProfileForm()
    before = OwnProfileForm.values_of(user)
    if not form.validate():
        return refused(form)
    form.apply_to(user)
    try:
        deeds.check_version(user, form.version.data)
        deeds.note_edit(user, before, OwnProfileForm.values_of(user))
        deeds.save(user)
    except Taken as taken:
        form.refuse(taken.field, taken.sentence)
        return refused(form)
    except Stale:
        db.session.rollback()
        return overtaken(form)
    return redirect_with(url_for(".index"), saved(user, before, is_undo=bool(form.undo.data)))


def saved(user: User, before: dict[str, str], is_undo: bool) -> Toast:
    if is_undo:
        return Toast("Your profile is as before")
    undo_data = {**before, "version": user.version, "undo": "1"}
    return Toast("Your profile is saved", url_for(".update"), undo_data)


def refused(
    form: OwnProfileForm, status: int = 422, conflict: str | None = None
) -> ResponseReturnValue:
    """The form again, with what was typed and what is wrong with it."""
    if form.undo.data:
        return redirect_with(url_for(".index"), Toast(TOO_LATE))
    context = {**about(myself()), "form": form, "conflict": conflict}
    return render("profile/index.html", "profile/_profile.html", **context), status


def overtaken(form: OwnProfileForm) -> ResponseReturnValue:
    """409: both values, and one more press to keep one's own."""
    user = myself()
    form.version.data = str(user.version)
    what = form.told_apart(OwnProfileForm.values_of(user))
    conflict = f"Your account was changed meanwhile. {what}. Save again to use your values."
    return refused(form, 409, conflict)


@profile.post("/profile/look")
@sign_in_required
def update_look() -> ResponseReturnValue:
    """The whole page is drawn again, since all of it changes."""
    user = myself()
    form = LookForm(user)
    if not form.validate():
        context = {**about(user), "look": form}
        return render("profile/index.html", "profile/_look.html", **context), 422
    before = LookForm.values_of(user)
    form.apply_to(user)
    after = LookForm.values_of(user)
    if after != before:
        changes = {field: (before[field], after[field]) for field in after}
        record("account.changed", user.as_subject, changes=changes)
    deeds.save(user)
    return redirect_with(url_for(".index"), Toast("How it looks is saved"))
