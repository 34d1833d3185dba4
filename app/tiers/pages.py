"""Tiers and their limits, for operators; a person's own quotas, for everybody."""

from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy.orm import undefer

from app.access import operators_only, sign_in_required
from app.database import now
from app.errors import Missing, Refused, Stale, Taken, answering
from app.extensions import db
from app.htmx import Toast, redirect_with, render, swap_or_redirect, wants_part
from app.tiers.forms import LimitForm, TierForm
from app.tiers.limits import Route, caller_of, limited_routes, standings
from app.tiers.models import RateLimit, Tier
from app.words import allowance, count

tiers = Blueprint("tiers", __name__)

HEADING = -1  # where the focus goes when the row that had it is gone


@tiers.get("/quotas")
@sign_in_required
def quotas() -> ResponseReturnValue:
    """The meters of the signed-in person; asking costs no quota."""
    context = {"standings": standings(caller_of(current_user)), "now": now()}
    return render("tiers/quotas.html", "tiers/_quotas.html", **context)


@tiers.get("/compare")
@sign_in_required
def compare() -> ResponseReturnValue:
    every = db.session.scalars(Tier.all_by_name()).all()
    routes = limited_routes().values()
    return render_template("tiers/compare.html", tiers=every, routes=routes)


@tiers.get("/tiers")
@operators_only
def index() -> ResponseReturnValue:
    return render_template("tiers/index.html", form=TierForm(), **listing())


def listing() -> dict[str, Any]:
    every = db.session.scalars(Tier.all_by_name().options(undefer(Tier.people))).all()
    return {"tiers": every, "routes": limited_routes()}


@tiers.post("/tiers")
@operators_only
def create() -> ResponseReturnValue:
    form = TierForm()
    if not form.validate():
        return render("tiers/index.html", "tiers/_new.html", form=form, **listing()), 422
    tier = Tier(name=form.name.data)
    db.session.add(tier)
    try:
        save(tier)
    except Taken as taken:
        form.refuse(taken.field, taken.sentence)
        return render("tiers/index.html", "tiers/_new.html", form=form, **listing()), 422
    return redirect_with(url_for(".show", name=tier.name), Toast(f"{tier.label} tier added"))


def save(tier: Tier) -> None:
    """Commit. Raises Taken or Stale."""
    with answering({"name": f"There is already a tier named {tier.name}. Choose another name."}):
        db.session.commit()


def named(name: str) -> Tier:
    tier = db.session.scalar(Tier.by_name(name))
    if tier is None:
        raise Missing("There is no tier of that name. It may have been renamed or removed.")
    return tier


def about(tier: Tier) -> dict[str, Any]:
    """What a tier's page shows."""
    elsewhere: dict[str, list[RateLimit]] = {}
    for limit in db.session.scalars(RateLimit.elsewhere(tier)):
        elsewhere.setdefault(limit.route, []).append(limit)
    return {
        "tier": tier,
        "elsewhere": elsewhere,
        "routes": limited_routes(),
        "free_routes": free_routes(tier),
    }


def free_routes(tier: Tier) -> list[Route]:
    return [route for route in limited_routes().values() if not tier.limit_for(route.key)]


@tiers.get("/tiers/<name>")
@operators_only
def show(name: str) -> ResponseReturnValue:
    tier = named(name)
    editing = next((each for each in tier.limits if str(each.id) == request.args.get("edit")), None)
    forms = {
        "new_form": new_limit_form(tier),
        "rename_form": TierForm(data={"name": tier.name, "version": tier.version}),
        "edit_form": LimitForm.of(editing) if editing else None,
    }
    renaming = "rename" in request.args
    context = {**about(tier), **forms, "editing": editing, "renaming": renaming}
    return render_template("tiers/show.html", **context)


def new_limit_form(tier: Tier) -> LimitForm:
    free = free_routes(tier)
    data = {"limit": 10, "every": 1, "unit": "hours", "route": free[0].key if free else ""}
    return LimitForm(formdata=None, data=data)


@tiers.post("/tiers/<name>")
@operators_only
def update(name: str) -> ResponseReturnValue:
    tier = named(name)
    form = TierForm()
    if not form.validate():
        return refused_rename(tier, form)
    tier.name = form.name.data
    try:
        check_version(tier, form.version.data)
        save(tier)
    except Taken as taken:
        form.refuse(taken.field, taken.sentence)
        return refused_rename(named(name), form)
    except Stale:
        db.session.rollback()
        return redirect_with(url_for(".show", name=name), Toast(overtaken(named(name))))
    undo = {"name": name, "version": tier.version, "undo": "1"}
    toast = Toast(f"{name} is now {tier.name}", url_for(".update", name=tier.name), undo)
    if form.undo.data:
        toast = Toast(f"The tier is {tier.name} again")
    return redirect_with(url_for(".show", name=tier.name), toast)


def overtaken(tier: Tier) -> str:
    return f"This changed again since. Open {tier.label} to edit."


def refused_rename(tier: Tier, form: TierForm) -> ResponseReturnValue:
    context = {"rename_form": form, "new_form": new_limit_form(tier), "renaming": True}
    context = {**context, **about(tier), "editing": None, "edit_form": None}
    return render("tiers/show.html", "tiers/_rename.html", **context), 422


def check_version(row: Tier | RateLimit, version: str | None) -> None:
    if version and version != str(row.version):
        raise Stale


@tiers.get("/tiers/<name>/delete")
@operators_only
def confirm_delete(name: str) -> ResponseReturnValue:
    return render_template("tiers/delete.html", **about(named(name)))


@tiers.post("/tiers/<name>/delete")
@operators_only
def delete(name: str) -> ResponseReturnValue:
    tier = named(name)
    if tier.people:
        raise Refused(
            f"{count(tier.people, 'user')} on {tier.label}. Move them to another tier first."
        )
    db.session.delete(tier)
    db.session.commit()
    return redirect_with(url_for(".index"), Toast(f"{tier.label} tier deleted"))


@tiers.get("/tiers/<name>/phrase")
@operators_only
def phrase(name: str) -> ResponseReturnValue:
    """The limit in words while it is typed; "" while it is not one yet."""
    form = LimitForm(formdata=request.args)
    form.validate()
    words = "" if form.limit.errors or form.every.errors or form.unit.errors else in_words(form)
    return render_template("tiers/_phrase.html", words=words, people=named(name).people)


def in_words(form: LimitForm) -> str:
    return allowance(int(form.limit.data), form.period)


@tiers.post("/tiers/<name>/limits")
@operators_only
def create_limit(name: str) -> ResponseReturnValue:
    tier = named(name)
    form = LimitForm()
    if not form.validate():
        return refused_limit(tier, form)
    route = limited_routes()[form.route.data]
    limit = RateLimit(tier=tier, route=route.key, methods=" ".join(route.methods))
    limit.limit, limit.period = form.limit.data, form.period
    db.session.add(limit)
    try:
        save_limit(tier, limit)
    except Taken as taken:
        form.refuse("route", taken.sentence)
        return refused_limit(named(name), form)
    undo = url_for(".delete_limit", name=name, id=limit.id)
    data = {"version": limit.version, "undo": "1"}
    toast = Toast(f"{route.name} now allows {limit.phrase}", undo, data)
    return limits_changed(tier, toast, limit)


def save_limit(tier: Tier, limit: RateLimit) -> None:
    """Commit. Raises Taken with what the tier already allows, or Stale."""
    route = limited_routes()[limit.route]
    with db.session.no_autoflush:
        there = db.session.execute(RateLimit.of(tier.id, limit.route)).first()
    words = allowance(there.limit, there.period) if there else "a limit"
    with answering(
        {"route": f"{tier.label} already has {words} for {route.name}. Edit it instead."}
    ):
        db.session.commit()


def refused_limit(tier: Tier, form: LimitForm) -> ResponseReturnValue:
    rename = TierForm(data={"name": tier.name, "version": tier.version})
    context = {**about(tier), "new_form": form, "rename_form": rename, "editing": None}
    context |= {"edit_form": None, "renaming": False}
    return render("tiers/show.html", "tiers/_new_limit.html", **context), 422


def limits_changed(
    tier: Tier, toast: Toast, focused: RateLimit | None = None
) -> ResponseReturnValue:
    db.session.expire(tier)
    context = {**about(tier), "new_form": new_limit_form(tier), "edit_form": None}
    context |= {"editing": None, "focused": focused.id if focused else HEADING}
    place = url_for(".show", name=tier.name)
    response = swap_or_redirect("tiers/_limits.html", place, toast, **context)
    response.headers["HX-Retarget"] = "#limits"
    return response


def limit_of(tier: Tier, identifier: int) -> RateLimit:
    limit = next((each for each in tier.limits if each.id == identifier), None)
    if limit is None:
        raise Missing("This limit no longer exists.")
    return limit


@tiers.get("/tiers/<name>/limits/<int:id>/edit")
@operators_only
def edit_limit(name: str, id: int) -> ResponseReturnValue:
    tier = named(name)
    limit = limit_of(tier, id)
    if not wants_part():
        return redirect_with(url_for(".show", name=name, edit=id))
    context = {"tier": tier, "limit": limit, "form": LimitForm.of(limit), "conflict": None}
    return render_template("tiers/_limit_editor.html", routes=limited_routes(), **context)


@tiers.get("/tiers/<name>/limits")
@operators_only
def limits(name: str) -> ResponseReturnValue:
    """The table again, when an editor is left."""
    tier = named(name)
    focused = request.args.get("focus", 0, type=int)
    context = {**about(tier), "editing": None, "edit_form": None, "focused": focused}
    return render_template("tiers/_limits.html", new_form=new_limit_form(tier), **context)


@tiers.post("/tiers/<name>/limits/<int:id>")
@operators_only
def update_limit(name: str, id: int) -> ResponseReturnValue:
    tier = named(name)
    limit = limit_of(tier, id)
    form = LimitForm()
    form.route.data = limit.route
    if not form.validate():
        return refused_limit_edit(tier, limit, form, 422)
    before = LimitForm.of(limit).data
    limit.limit, limit.period = form.limit.data, form.period
    try:
        check_version(limit, form.version.data)
        save_limit(tier, limit)
    except Stale:
        db.session.rollback()
        return limit_overtaken(named(name), id, form)
    old = {key: before[key] for key in ("limit", "every", "unit")}
    data = {**old, "version": limit.version, "undo": "1"}
    name_of_route = limited_routes()[limit.route].name
    toast = Toast(
        f"{name_of_route} now allows {limit.phrase}",
        url_for(".update_limit", name=name, id=id),
        data,
    )
    if form.undo.data:
        toast = Toast(f"{name_of_route} allows {limit.phrase} again")
    return limits_changed(tier, toast, limit)


def limit_overtaken(tier: Tier, identifier: int, form: LimitForm) -> ResponseReturnValue:
    if form.undo.data:
        return redirect_with(url_for(".show", name=tier.name), Toast(overtaken(tier)))
    limit = limit_of(tier, identifier)
    form.version.data = str(limit.version)
    conflict = f"Somebody else set this to {limit.phrase} meanwhile. Save again to use your values."
    return refused_limit_edit(tier, limit, form, 409, conflict)


def refused_limit_edit(
    tier: Tier, limit: RateLimit, form: LimitForm, status: int, conflict: str | None = None
) -> ResponseReturnValue:
    rename = TierForm(formdata=None, data={"name": tier.name, "version": tier.version})
    context = {**about(tier), "new_form": new_limit_form(tier), "rename_form": rename}
    context |= {"editing": limit, "edit_form": form, "renaming": False}
    context |= {"limit": limit, "form": form, "conflict": conflict}
    return render("tiers/show.html", "tiers/_limit_editor.html", **context), status


@tiers.post("/tiers/<name>/limits/<int:id>/delete")
@operators_only
def delete_limit(name: str, id: int) -> ResponseReturnValue:
    tier = named(name)
    limit = limit_of(tier, id)
    if request.form.get("undo") and request.form.get("version") != str(limit.version):
        return redirect_with(url_for(".show", name=name), Toast(overtaken(tier)))
    before = LimitForm.of(limit).data
    route = limited_routes().get(limit.route)
    db.session.delete(limit)
    db.session.commit()
    data = {key: before[key] for key in ("route", "limit", "every", "unit")}
    title = route.name if route else limit.route
    toast = Toast(f"Limit for {title} removed", url_for(".create_limit", name=name), data)
    return limits_changed(tier, toast)
