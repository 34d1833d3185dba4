"""The limits on a tier's page: added, edited in their row, removed; each with Undo."""

from typing import Any

from flask import Response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import Field

from app.access import operators_only
from app.errors import Missing, Stale, Taken, answering
from app.extensions import db
from app.htmx import Toast, redirect_with, render, swap_or_redirect, wants_part
from app.tiers import deeds
from app.tiers.forms import LimitForm, NewLimitForm
from app.tiers.models import RateLimit, Tier
from app.tiers.outlook import Past, past, what_if
from app.tiers.pages import about, check_version, named, tiers, too_late
from app.tiers.routes import called, limited_routes
from app.words import allowance

HEADING = -1  # where the focus goes when the last row is gone


@tiers.get("/tiers/<name>/phrase")
@operators_only
def phrase(name: str) -> ResponseReturnValue:
    """The limit in words while it is typed, and what it would have meant; nothing while it is not
    one yet.
    """
    form, tier = LimitForm(formdata=request.args), named(name)
    form.validate()
    numbers: tuple[Field, ...] = (form.limit, form.every, form.unit)
    is_one = not any(field.errors for field in numbers)
    foreseen = foresee(tier, form, request.args.get("route", "")) if is_one else {}
    return render_template("tiers/_phrase.html", foreseen=foreseen)


def foresee(tier: Tier, form: LimitForm, route: str) -> dict[str, Any]:
    """What a valid ``form`` would make of the limit of ``tier`` on ``route``."""
    now = tier.limit_for(route)
    return {
        "words": allowance(int(form.limit.data), form.period),
        "observed": form.observed.data,
        "people": tier.people,
        "what": what_if(tier, route, int(form.limit.data), form.period),
        "now": now,
        "counts_on": now is not None and now.period == form.period,
        "past": past(tier).get(route, Past()),
    }


def is_question() -> bool:
    """Whether a form asks what would follow, before it is saved (without script)."""
    return bool(request.form.get("check"))


@tiers.get("/tiers/<name>/limits")
@operators_only
def limits(name: str) -> ResponseReturnValue:
    """The table again, when an editor is left."""
    tier = named(name)
    if not wants_part():
        return redirect_with(url_for(".show", name=name))
    focused = request.args.get("focus", type=int)
    return render_template("tiers/_limits.html", **about(tier, focused=focused))


@tiers.post("/tiers/<name>/limits")
@operators_only
def create_limit(name: str) -> ResponseReturnValue:
    tier = named(name)
    form = NewLimitForm()
    if not form.validate():
        return refused_limit(tier, form)
    route = limited_routes()[form.route.data]
    if is_question():
        context = about(tier, new_form=form, foreseen_new=foresee(tier, form, route.key))
        return render_template("tiers/show.html", **context)
    limit = RateLimit(route=route.key, methods=" ".join(route.methods))
    limit.limit, limit.period = form.limit.data, form.period
    limit.observed, limit.name = form.observed.data, form.name.data or None
    try:
        with answering({"route": "taken"}):
            deeds.add_limit(tier, limit)
            db.session.commit()
    except Taken:
        form.refuse("route", deeds.already_there(named(name), route.key))
        return refused_limit(named(name), form)
    return limits_changed(tier, added(tier, limit, form), focused=limit.id, changed=limit.id)


def added(tier: Tier, limit: RateLimit, form: NewLimitForm) -> Toast:
    if form.undo.data:
        return Toast(f"{title(limit)} allows {limit.on_record} again")
    undo = url_for(".delete_limit", name=tier.name, id=limit.id)
    data = {"version": limit.version, "undo": "1"}
    return Toast(f"{title(limit)} now allows {limit.on_record}", undo, data)


def title(limit: RateLimit) -> str:
    """What people call the route of a limit; its key when there is no such route any more."""
    return called(limit.route)


def refused_limit(tier: Tier, form: NewLimitForm) -> ResponseReturnValue:
    if form.undo.data:
        return too_late(tier)
    context = about(tier, new_form=form)
    return render("tiers/show.html", "tiers/_new_limit.html", **context), 422


def limits_changed(tier: Tier, toast: Toast, **changes: Any) -> Response:
    """Answer with the whole table, whichever form was sent."""
    place = url_for(".show", name=tier.name)
    response = swap_or_redirect("tiers/_limits.html", place, toast, **about(tier, **changes))
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
    context = {"tier": tier, "limit": limit, "form": LimitForm.of(limit)}
    context |= {"conflict": None, "foreseen": None}
    return render_template("tiers/_limit_editor.html", routes=limited_routes(), **context)


@tiers.post("/tiers/<name>/limits/<int:id>")
@operators_only
def update_limit(name: str, id: int) -> ResponseReturnValue:
    tier = named(name)
    limit = limit_of(tier, id)
    form = LimitForm()
    if not form.validate():
        return refused_edit(tier, limit, form, 422)
    if is_question():
        context = about(tier, editing=limit, edit_form=form)
        return render_template(
            "tiers/show.html", **{**context, "foreseen": foresee(tier, form, limit.route)}
        )
    before = LimitForm.of(limit).data
    deeds.change_limit(limit, form.limit.data, form.period, form.observed.data)
    try:
        check_version(limit, form.version.data)
        with answering({}):
            db.session.commit()
    except Stale:
        db.session.rollback()
        return overtaken(named(name), id, form, "Save again to use your values.")
    return limits_changed(tier, edited(tier, limit, form, before), focused=id, changed=id)


def edited(tier: Tier, limit: RateLimit, form: LimitForm, before: dict[str, Any]) -> Toast:
    if form.undo.data:
        return Toast(f"{title(limit)} allows {limit.on_record} again")
    data = {key: before[key] for key in ("limit", "every", "unit")}
    data["observed"] = "1" if before["observed"] else ""
    undo = url_for(".update_limit", name=tier.name, id=limit.id)
    words = f"{title(limit)} now allows {limit.on_record}"
    return Toast(words, undo, {**data, "version": limit.version, "undo": "1"})


def overtaken(tier: Tier, identifier: int, form: LimitForm, what_now: str) -> ResponseReturnValue:
    """Show both values when somebody else changed the limit meanwhile; sent again, it counts."""
    if form.undo.data:
        return too_late(tier)
    limit = limit_of(tier, identifier)
    form.version.data = str(limit.version)
    conflict = f"Somebody else set this to {limit.on_record} meanwhile. {what_now}"
    return refused_edit(tier, limit, form, 409, conflict)


def refused_edit(
    tier: Tier, limit: RateLimit, form: LimitForm, status: int, conflict: str | None = None
) -> ResponseReturnValue:
    if form.undo.data:
        return too_late(tier)
    context = about(tier, editing=limit, edit_form=form, conflict=conflict)
    page = render("tiers/show.html", "tiers/_limit_editor.html", limit=limit, form=form, **context)
    return page, status, {"HX-Retarget": f"#limit-{limit.id}"}


@tiers.post("/tiers/<name>/limits/<int:id>/delete")
@operators_only
def delete_limit(name: str, id: int) -> ResponseReturnValue:
    tier = named(name)
    limit = limit_of(tier, id)
    form = LimitForm()
    before, following = NewLimitForm.of(limit).data, row_after(tier, limit)
    try:
        check_version(limit, form.version.data)
        deeds.remove_limit(tier, limit)
        with answering({}):
            db.session.commit()
    except Stale:
        db.session.rollback()
        return overtaken(named(name), id, form, "Remove it again if you still want to.")
    return limits_changed(tier, removed(tier, limit, form, before), focused=following)


def row_after(tier: Tier, limit: RateLimit) -> int:
    rows = [each.id for each in tier.limits] + [HEADING]
    return rows[rows.index(limit.id) + 1]


def removed(tier: Tier, limit: RateLimit, form: LimitForm, before: dict[str, Any]) -> Toast:
    words = f"Limit for {title(limit)} removed"
    if form.undo.data or limit.route not in limited_routes():
        return Toast(words)
    data = {key: before[key] for key in ("route", "limit", "every", "unit")}
    data |= {"observed": "1" if before["observed"] else "", "name": before["name"] or ""}
    return Toast(words, url_for(".create_limit", name=tier.name), {**data, "undo": "1"})
