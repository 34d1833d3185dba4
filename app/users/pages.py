"""People, for operators: find, read, edit, move, shut out and bring back."""

import difflib
import uuid
from functools import partial
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.access import operators_only
from app.errors import Missing, Refused, Stale, Taken
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
from app.paging import Page, page_number
from app.tiers.limits import caller_of, clear, limited_routes, standings
from app.tiers.models import Tier
from app.users import deeds, links
from app.users.forms import NewUserForm, ProfileForm, TierForm
from app.users.models import SORTS, STATES, User

users = Blueprint("users", __name__, url_prefix="/users")


@users.get("")
@operators_only
def index() -> ResponseReturnValue:
    return render("users/index.html", "users/_results.html", **listing())


def listing() -> dict[str, Any]:
    """What the list shows, as the address asks for it."""
    asked = {name: request.args.get(name, "").strip()[:100] for name in ("q", "tier", "seen")}
    state = request.args.get("state", "")
    state = state if state in STATES else ""
    sort = request.args.get("sort", "")
    sort = sort if sort.lstrip("-") in SORTS else "-seen"
    counts = db.session.execute(User.counts(**asked)).one()._asdict()
    counts[""] = counts["active"] + counts["deactivated"]
    page = Page.of(User.matching(**asked, state=state, sort=sort), counts[state], page_number())
    tiers = db.session.scalars(Tier.all_by_name()).all()
    editing = request.args.get("edit")
    user = next((user for user in page.items if user.username == editing), None)
    return {
        "asked": {**asked, "state": state, "sort": sort},
        "address": partial(address, {**asked, "state": state, "sort": sort}),
        "counts": counts,
        "page": page,
        "tiers": tiers,
        "editing": user,
        "form": profile_form(user) if user else None,
    }


def address(asked: dict[str, str], **changes: Any) -> str:
    """The list as it is on screen, but for ``changes``; what is usual is left out."""
    usual = {"sort": "-seen", "page": "1"}
    wanted = {key: str(value) for key, value in {**asked, **changes}.items()}
    kept = {key: value for key, value in wanted.items() if value and usual.get(key) != value}
    return url_for("users.index", **kept)


def living(username: str) -> User:
    """The living person of that name, or 404 with the names that come near."""
    user = db.session.scalar(User.by_username(username))
    if user is not None:
        return user
    near = difflib.get_close_matches(
        username, db.session.scalars(User.usernames_like(username[:2]))
    )
    matches = [(name, url_for("users.show", username=name)) for name in near]
    raise Missing("There is no user of that name. They may have been renamed or deleted.", matches)


def profile_form(user: User, **values: Any) -> ProfileForm:
    tier = user.tier.name if user.tier else ""
    return ProfileForm(obj=user, data={"tier": tier, "version": user.version, **values})


@users.get("/new-user")
@operators_only
def new() -> ResponseReturnValue:
    return render_template("users/new.html", form=NewUserForm())


@users.post("/new-user")
@operators_only
def create() -> ResponseReturnValue:
    form = NewUserForm()
    if not form.validate():
        return render("users/new.html", "users/_new.html", form=form), 422
    user = User()
    form.apply_to(user)
    db.session.add(user)
    try:
        deeds.save(user)
    except Taken as taken:
        form.refuse(taken.field, taken.sentence)
        return render("users/new.html", "users/_new.html", form=form), 422
    return redirect_with(url_for(".show", username=user.username), Toast(f"{user.name} added"))


@users.get("/<username>")
@operators_only
def show(username: str) -> ResponseReturnValue:
    user = db.session.scalar(User.any_by_username(username)) or living(username)
    return render_template("users/show.html", **about(user))


def about(user: User) -> dict[str, Any]:
    """What a person's page shows."""
    invitation = None
    if user.state == "invited":
        invitation = url_for("auth.welcome", token=links.invitation(user), _external=True)
    return {
        "user": user,
        "form": tier_form(user),
        "standings": [] if user.is_deleted else standings(caller_of(user)),
        "invitation": invitation,
        "changed": False,
    }


def tier_form(user: User) -> TierForm:
    return TierForm(data={"tier": user.tier.name if user.tier else "", "version": user.version})


@users.get("/<username>/edit")
@operators_only
def edit(username: str) -> ResponseReturnValue:
    user = living(username)
    back = page_before(url_for(".index"))
    if not wants_part():
        return redirect_with(url_for(".index", q=username, edit=username))
    form = profile_form(user, back=back)
    return render_template("users/_editor.html", user=user, form=form, conflict=None)


@users.get("/<username>/row")
@operators_only
def row(username: str) -> ResponseReturnValue:
    """The row again, when an editor is left."""
    return render_template("users/_user.html", user=living(username), focus=True)


@users.post("/<username>")
@operators_only
def update(username: str) -> ResponseReturnValue:
    user = living(username)
    form = ProfileForm()
    before = {**profile_form(user, back="").data}
    if not form.validate():
        return refused_edit(user, form, 422)
    form.apply_to(user)
    try:
        deeds.check_version(user, form.version.data)
        deeds.save(user)
    except Taken as taken:
        form.refuse(taken.field, taken.sentence)
        return refused_edit(living(username), form, 422)
    except Stale:
        return overtaken(living_after(username), form)
    undo = url_for(".update", username=user.username)
    old = {name: before[name] for name in ("name", "username", "email", "tier")}
    toast = Toast(f"{user.name} saved", undo, {**old, "version": user.version, "undo": "1"})
    if form.undo.data:
        toast = Toast(f"{user.name} is as before")
    place = own_page(form.back.data, page_before(url_for(".show", username=user.username)))
    place = renamed(place, username, user.username)
    return swap_or_redirect("users/_user.html", place, toast, user=user, focus=True)


def renamed(place: str, before: str, after: str) -> str:
    """``place`` once the person's own page has moved."""
    own = url_for(".show", username=before)
    return url_for(".show", username=after) if place.split("?")[0] == own else place


def living_after(username: str) -> User:
    db.session.rollback()
    return living(username)


def refused_edit(user: User, form: ProfileForm, status: int, conflict: str | None = None) -> Any:
    """The editor again, with what was typed and what is wrong with it."""
    context = {"user": user, "form": form, "conflict": conflict}
    return render("users/edit.html", "users/_editor.html", **context), status


def overtaken(user: User, form: ProfileForm) -> ResponseReturnValue:
    """409: both values, and one more press to keep one's own."""
    if form.undo.data:
        text = f"This changed again since. Open {user.name} to edit."
        return redirect_with(url_for(".show", username=user.username), Toast(text))
    mine = form.data
    theirs = profile_form_values(user)
    changed = [
        f"{form[name].label.text} is now “{value or 'empty'}”"
        for name, value in theirs.items()
        if (mine[name] or "") != (value or "")
    ]
    form.version.data = str(user.version)
    what = "; ".join(changed) or "Nothing differs from what you typed"
    conflict = f"{user.name} was changed by somebody else. {what}. Save again to use your values."
    return refused_edit(user, form, 409, conflict)


def profile_form_values(user: User) -> dict[str, str]:
    tier = user.tier.name if user.tier else ""
    return {"name": user.name, "username": user.username, "email": user.email, "tier": tier}


@users.post("/<username>/tier")
@operators_only
def change_tier(username: str) -> ResponseReturnValue:
    user = living(username)
    form = TierForm()
    if not form.validate():
        context = {**about(user), "form": form}
        return render("users/show.html", "users/_tier.html", **context), 422
    before = user.tier
    try:
        deeds.check_version(user, form.version.data)
        user.move_to(form.tier.chosen)
        deeds.save(user)
    except Stale:
        user = living_after(username)
        text = f"This changed again since. Open {user.name} to edit."
        return swap_or_redirect("users/_tier.html", page_of(user), Toast(text), **about(user))
    toast = moved(user, before, is_undo=bool(form.undo.data))
    context = {**about(user), "changed": True}
    return swap_or_redirect("users/_moved.html", page_of(user), toast, **context)


def moved(user: User, before: Tier | None, is_undo: bool) -> Toast:
    to = user.tier.label if user.tier else "no tier"
    if is_undo:
        return Toast(f"{user.name} is back on {to}")
    data = {"tier": before.name if before else "", "version": user.version, "undo": "1"}
    return Toast(
        f"{user.name} moved to {to}", url_for(".change_tier", username=user.username), data
    )


def page_of(user: User) -> str:
    return page_before(url_for(".show", username=user.username))


@users.post("/<username>/deactivate")
@operators_only
def deactivate(username: str) -> ResponseReturnValue:
    user = living(username)
    deeds.deactivate(user, current_user)
    undo = url_for(".activate", username=username)
    return redirect_with(page_of(user), Toast(f"{user.name} deactivated", undo, {"undo": "1"}))


@users.post("/<username>/activate")
@operators_only
def activate(username: str) -> ResponseReturnValue:
    user = living(username)
    deeds.activate(user)
    return redirect_with(page_of(user), Toast(f"{user.name} is active again"))


@users.get("/<username>/delete")
@operators_only
def confirm_delete(username: str) -> ResponseReturnValue:
    return render_template("users/delete.html", user=living(username))


@users.post("/<username>/delete")
@operators_only
def delete(username: str) -> ResponseReturnValue:
    user = living(username)
    deeds.delete(user, current_user)
    undo = url_for(".restore", username=username)
    data = {"uuid": str(user.uuid), "undo": "1"}
    toast = Toast(f"{user.name} deleted", undo, data)
    place = own_page(request.form.get("back"), url_for(".index"))
    return redirect_with(place, toast)


@users.post("/<username>/restore")
@operators_only
def restore(username: str) -> ResponseReturnValue:
    user = deleted(username)
    try:
        deeds.restore(user)
    except Taken as taken:
        raise Refused(f"{taken.sentence} Rename or delete that account first.") from taken
    return redirect_with(page_before(url_for(".index")), Toast(f"{user.name} restored"))


def deleted(username: str) -> User:
    """The deleted person meant: by the hidden id where several had the same name."""
    try:
        user = db.session.scalar(User.by_uuid(uuid.UUID(request.form.get("uuid", ""))))
    except ValueError:
        user = db.session.scalar(User.any_by_username(username))
    if user is None or user.username != username:
        raise Missing("There is no deleted user of that name.")
    return user


@users.post("/<username>/counts")
@operators_only
def reset_counts(username: str) -> ResponseReturnValue:
    """Give a person the whole of every current window back."""
    user = living(username)
    for route in limited_routes().values():
        clear(caller_of(user), route)
    toast = Toast(f"Counts of {user.name} start again at zero")
    place = page_of(user)
    return swap_or_redirect("users/_quotas.html", place, toast, **about(user))
