"""Where a person stands: the tier, deactivated or not, deleted or not, and the counts."""

import uuid

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.access import confirmation_required, operators_only
from app.audit.trail import record
from app.errors import Missing, Stale
from app.extensions import db
from app.htmx import Toast, own_page, page_before, redirect_with, render, swap_or_redirect
from app.tiers.limits import caller_of, clear
from app.tiers.models import Tier
from app.tiers.routes import limited_routes
from app.users import deeds
from app.users.forms import TierForm
from app.users.models import User
from app.users.pages import about, living, page_of, too_late, users


@users.post("/<username>/tier")
@operators_only
def change_tier(username: str) -> ResponseReturnValue:
    user = living(username)
    form = TierForm()
    if not form.validate():
        return refused_tier(user, form)
    before = user.tier
    try:
        deeds.check_version(user, form.version.data)
        deeds.move(user, form.tier.chosen)
    except Stale:
        db.session.rollback()
        user = living(username)
        return swap_or_redirect("users/_tier.html", page_of(user), too_late(user), **about(user))
    toast = moved(user, before, is_undo=bool(form.undo.data))
    context = {**about(user), "changed": True}
    return swap_or_redirect("users/_moved.html", page_of(user), toast, **context)


def refused_tier(user: User, form: TierForm) -> ResponseReturnValue:
    if form.undo.data:
        return redirect_with(page_of(user), too_late(user))
    return render("users/show.html", "users/_tier.html", **{**about(user), "form": form}), 422


def moved(user: User, before: Tier | None, is_undo: bool) -> Toast:
    to = user.tier.label if user.tier else "no tier"
    if is_undo:
        return Toast(f"{user.name} is back on {to}")
    data = {"tier": before.name if before else "", "version": user.version, "undo": "1"}
    undo = url_for(".change_tier", username=user.username)
    return Toast(f"{user.name} moved to {to}", undo, data)


@users.post("/<username>/deactivate")
@operators_only
@confirmation_required
def deactivate(username: str) -> ResponseReturnValue:
    user = living(username)
    deeds.deactivate(user, current_user)
    undo = url_for(".activate", username=username)
    return redirect_with(page_of(user), Toast(f"{user.name} deactivated", undo, {"undo": "1"}))


@users.post("/<username>/activate")
@operators_only
@confirmation_required
def activate(username: str) -> ResponseReturnValue:
    user = living(username)
    deeds.activate(user)
    return redirect_with(page_of(user), Toast(f"{user.name} is active again"))


@users.post("/<username>/delete")
@operators_only
@confirmation_required
def delete(username: str) -> ResponseReturnValue:
    user = living(username)
    deeds.delete(user, current_user)
    undo = url_for(".restore", username=username)
    toast = Toast(f"{user.name} deleted", undo, {"uuid": str(user.uuid), "undo": "1"})
    return redirect_with(own_page(request.form.get("back"), url_for(".index")), toast)


@users.post("/<username>/restore")
@operators_only
@confirmation_required
def restore(username: str) -> ResponseReturnValue:
    user = deleted(username)
    deeds.restore(user)
    return redirect_with(page_before(url_for(".index")), Toast(f"{user.name} restored"))


def deleted(username: str) -> User:
    """The deleted person meant: by the hidden id where several had the same name."""
    try:
        user = db.session.scalar(User.by_uuid(uuid.UUID(request.form.get("uuid", ""))))
    except ValueError:
        user = db.session.scalar(User.deleted_by_username(username))
    if user is None or user.username != username:
        raise Missing("There is no deleted user of that name.")
    return user


@users.post("/<username>/counts")
@operators_only
def reset_counts(username: str) -> ResponseReturnValue:
    """Give a person the whole of every current window back."""
    user = living(username)
    record("counts.reset", user.as_subject)
    db.session.commit()
    for route in limited_routes().values():
        clear(caller_of(user), route)
    toast = Toast(f"Counts of {user.name} start again at zero")
    context = {**about(user), "reset": True}
    return swap_or_redirect("users/_quotas.html", page_of(user), toast, **context)
