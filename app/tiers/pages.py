"""Tiers, for operators; a person's own quotas, for everybody. Limits: limit_pages.py."""

from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy.orm import selectinload, undefer

from app.access import operators_only, sign_in_required
from app.database import now
from app.errors import Missing, Stale, Taken, answering
from app.extensions import db
from app.htmx import Toast, announcing, redirect_with, render
from app.tiers import deeds, policy
from app.tiers.forms import LimitForm, NewLimitForm, TierForm
from app.tiers.limits import Standing, caller_of, standings
from app.tiers.models import RateLimit, Tier
from app.tiers.outlook import past
from app.tiers.routes import Route, limited_routes
from app.words import clock, number

tiers = Blueprint("tiers", __name__)


@tiers.get("/quotas")
@sign_in_required
def quotas() -> ResponseReturnValue:
    """The meters of the signed-in person; asking costs no quota.

    A meter that asks again says what it showed (``near``, ``full``: keys of routes), so that only
    crossing into amber or red is announced.
    """
    every = standings(caller_of(current_user))
    context = {"standings": every, "now": now()}
    answer = render("tiers/quotas.html", "tiers/_quotas.html", **context)
    news = ". ".join(map(in_words, filter(is_news, every)))
    return announcing(answer, news) if news else answer


def is_news(standing: Standing) -> bool:
    shown = request.args.get("full", "").split()
    if not standing.is_exhausted:
        shown += request.args.get("near", "").split()
    return (standing.is_near or standing.is_exhausted) and standing.route.key not in shown


def in_words(standing: Standing) -> str:
    left = f"{number(standing.left)} left" if standing.left else "limit reached,"
    return f"{standing.route.name}: {left} until {clock(standing.reset_at)}"


@tiers.get("/compare")
@sign_in_required
def compare() -> ResponseReturnValue:
    """Everybody sees what every tier allows, their own first; how many people it has, operators."""
    # People come and go without the policy's version: what counts them is drawn each time.
    version = None if current_user.is_superuser else policy.stored_version()
    return render_template("tiers/compare.html", compared=compared, version=version)


def compared() -> dict[str, Any]:
    query = Tier.all_by_name().options(selectinload(Tier.limits))
    # The own tier was read with the person, before the version.
    query = query.execution_options(populate_existing=True)
    if current_user.is_superuser:
        query = query.options(undefer(Tier.people))
    own = current_user.tier_id
    every = sorted(db.session.scalars(query), key=lambda tier: tier.id != own)
    observed = [limit for tier in every for limit in tier.limits if limit.observed]
    return {"tiers": every, "routes": limited_routes().values(), "observed": observed}


@tiers.get("/tiers")
@operators_only
def index() -> ResponseReturnValue:
    return render_template("tiers/index.html", form=TierForm(), **listing())


def listing() -> dict[str, Any]:
    whole = (selectinload(Tier.limits), undefer(Tier.people))
    every = db.session.scalars(Tier.all_by_name().options(*whole)).all()
    return {"tiers": every, "routes": limited_routes()}


@tiers.post("/tiers")
@operators_only
def create() -> ResponseReturnValue:
    form = TierForm()
    if not form.validate():
        return refused_tier(form)
    tier = Tier(name=form.name.data)
    if not added(tier, form):
        return refused_tier(form)
    return redirect_with(url_for(".show", name=tier.name), Toast(f"{tier.label} tier added"))


def added(tier: Tier, form: TierForm) -> bool:
    """Store a new tier; False when its name is taken, which the form then says."""
    try:
        with answering(name_taken(tier)):
            deeds.add(tier)
            db.session.commit()
    except Taken as taken:
        form.refuse(taken.field, taken.sentence)
        return False
    return True


def refused_tier(form: TierForm) -> ResponseReturnValue:
    return render("tiers/index.html", "tiers/_new.html", form=form, **listing()), 422


def save(tier: Tier) -> None:
    """Commit. Raises Taken or Stale."""
    with answering(name_taken(tier)):
        db.session.commit()


def name_taken(tier: Tier) -> dict[str, str]:
    return {"name": f"There is already a tier named {tier.name}. Choose another name."}


@tiers.get("/tiers/id/<int(max=2147483647):id>")
@operators_only
def find_by_id(id: int) -> ResponseReturnValue:
    """Where the audit trail leads: to the tier, whatever it is called by now."""
    tier = db.session.get(Tier, id)
    if tier is None:
        raise Missing("There is no such tier any more.")
    return redirect_with(url_for(".show", name=tier.name))


def named(name: str) -> Tier:
    tier = db.session.scalar(Tier.by_name(name))
    if tier is None:
        raise Missing("There is no tier of that name. It may have been renamed or removed.")
    return tier


@tiers.get("/tiers/<name>")
@operators_only
def show(name: str) -> ResponseReturnValue:
    tier = named(name)
    editing = next((each for each in tier.limits if str(each.id) == request.args.get("edit")), None)
    changes: dict[str, Any] = {"renaming": "rename" in request.args}
    if editing and not changes["renaming"]:
        changes |= {"editing": editing, "edit_form": LimitForm.of(editing)}
    return render_template("tiers/show.html", **about(tier, **changes))


def about(tier: Tier, **changes: Any) -> dict[str, Any]:
    """What a tier's page shows: at rest, or with ``changes`` such as a form that was refused."""
    elsewhere: dict[str, list[RateLimit]] = {}
    for limit in db.session.scalars(RateLimit.elsewhere(tier)):
        elsewhere.setdefault(limit.route, []).append(limit)
    at_rest = {
        "tier": tier,
        "elsewhere": elsewhere,
        "routes": limited_routes(),
        "free_routes": free_routes(tier),
        "new_form": new_limit_form(tier),
        "rename_form": TierForm.of(tier),
        "renaming": False,
        "editing": None,
        "edit_form": None,
        "conflict": None,
        "focused": None,
        "changed": None,
        "past": past(tier),
        "foreseen": None,
        "foreseen_new": None,
    }
    return {**at_rest, **changes}


def free_routes(tier: Tier) -> list[Route]:
    return [route for route in limited_routes().values() if not tier.limit_for(route.key)]


def new_limit_form(tier: Tier) -> NewLimitForm:
    free = free_routes(tier)
    data = {"limit": 10, "every": 1, "unit": "hours", "route": free[0].key if free else ""}
    return NewLimitForm(formdata=None, data=data)


@tiers.post("/tiers/<name>")
@operators_only
def update(name: str) -> ResponseReturnValue:
    tier = named(name)
    form = TierForm()
    if not form.validate():
        return refused_rename(tier, form)
    deeds.rename(tier, form.name.data)
    try:
        check_version(tier, form.version.data)
        save(tier)
    except Taken as taken:
        form.refuse(taken.field, taken.sentence)
        return refused_rename(named(name), form)
    except Stale:
        db.session.rollback()
        return too_late(named(name))
    return redirect_with(url_for(".show", name=tier.name), renamed(tier, name, form))


def renamed(tier: Tier, name: str, form: TierForm) -> Toast:
    if form.undo.data:
        return Toast(f"The tier is {tier.name} again")
    undo = {"name": name, "version": tier.version, "undo": "1"}
    return Toast(f"{name} is now {tier.name}", url_for(".update", name=tier.name), undo)


def refused_rename(tier: Tier, form: TierForm) -> ResponseReturnValue:
    if form.undo.data:
        return too_late(tier)
    context = about(tier, rename_form=form, renaming=True)
    return render("tiers/show.html", "tiers/_rename.html", **context), 422


def check_version(row: Tier | RateLimit, version: str | None) -> None:
    """Raise Stale when a form was drawn from an older version of the row."""
    if version and version != str(row.version):
        raise Stale


def too_late(tier: Tier) -> ResponseReturnValue:
    """Answer an Undo, or a change without an editor, that somebody else's change overtook."""
    sentence = f"This changed again since. Open {tier.label} to edit."
    return redirect_with(url_for("tiers.show", name=tier.name), Toast(sentence))


@tiers.get("/tiers/<name>/delete")
@operators_only
def confirm_delete(name: str) -> ResponseReturnValue:
    return render_template("tiers/delete.html", tier=named(name))


@tiers.post("/tiers/<name>/delete")
@operators_only
def delete(name: str) -> ResponseReturnValue:
    tier = named(name)
    label = tier.label
    with answering({}):
        event = deeds.delete(tier)
        db.session.commit()
    undo = url_for("audit.undo", id=event.id)
    return redirect_with(url_for(".index"), Toast(f"{label} tier deleted", undo, {"undo": "1"}))
