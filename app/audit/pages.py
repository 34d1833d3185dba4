"""The trail, for operators; and each person's own part of it."""

from datetime import timedelta
from typing import Any

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app import replica, search
from app.access import operators_only, sign_in_required
from app.audit.actions import GROUPS, codes_of
from app.audit.models import WORDS, Event
from app.audit.undo import has_undo, put_back, undoable, way_to
from app.database import now
from app.errors import Missing, Stale, answering
from app.extensions import db
from app.htmx import Toast, announcing, page_before, redirect_with, render, wants_part
from app.words import count

audit = Blueprint("audit", __name__)

SHOWN = 30
LARGEST = 2_147_483_647  # that an id can be
PERIODS = {"1": "Last 24 hours", "7": "Last 7 days", "30": "Last 30 days"}


@audit.get("/audit")
@operators_only
def index() -> ResponseReturnValue:
    asked = {name: request.args.get(name, "").strip()[:100] for name in ("q", "group", "days")}
    query = Event.newest(before()).where(*search.matching(Event, asked["q"], WORDS))
    if asked["group"] in GROUPS:
        query = query.where(Event.action.in_(codes_of(asked["group"])))
    if asked["days"] in PERIODS:
        query = query.where(Event.at > now() - timedelta(days=int(asked["days"])))
    context = {**entries(query, "audit.index", asked), "asked": asked}
    context |= {"groups": GROUPS, "periods": PERIODS, "undoable": undoable(context["events"])}
    context["looked_at"] = search.NEWEST if asked["q"] and search.is_bounded(Event) else None
    return drawn("audit/index.html", context)


@audit.get("/activity")
@sign_in_required
def activity() -> ResponseReturnValue:
    """What the signed-in person did, and what was done to them."""
    query = Event.newest(before()).where(Event.about(current_user.id))
    context = {**entries(query, "audit.activity", {}), "undoable": (), "looked_at": None}
    return drawn("audit/activity.html", context)


@audit.post(f"/audit/<int(max={LARGEST}):id>/undo")
@operators_only
def undo(id: int) -> ResponseReturnValue:
    """Take back what an entry tells of, unless it changed again since; says so on the page."""
    event = db.session.get(Event, id)
    if event is None or not has_undo(event):
        raise Missing("There is nothing here that could be undone.")
    place = page_before(url_for(".index"))
    try:
        with answering({}):
            sentence = put_back(event)
            db.session.commit()
    except Stale:
        db.session.rollback()
        too_late = f"This changed again since. {way_to(event)}"
        return redirect_with(place, Toast(too_late, is_problem=True))
    return redirect_with(place, Toast(sentence))


def drawn(page: str, context: dict[str, Any]) -> ResponseReturnValue:
    """The page; for htmx the entries alone, or those to add under the ones it has."""
    shown, more = len(context["events"]), "more " if before() else ""
    said = count(shown, f"{more}entry", f"{more}entries") if shown else "No entries match"
    if shown and context["older"]:
        said += ", and there are older ones"
    part = "audit/_older.html" if before() else "audit/_results.html"
    return announcing(render(page, part, **context), said)


def before() -> int | None:
    """The id that the address asks to go on from; nonsense means from the newest."""
    text = request.args.get("before", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def entries(query: Any, endpoint: str, asked: dict[str, str]) -> dict[str, Any]:
    """Some events, and the address of those before them."""
    events = replica.execute(query.limit(SHOWN + 1)).scalars().all()
    kept: dict[str, Any] = {name: value for name, value in asked.items() if value}
    older = None
    if len(events) > SHOWN:
        events = events[:SHOWN]
        older = url_for(endpoint, **kept, before=events[-1].id)
    return {
        "events": events,
        "older": older,
        "newest": url_for(endpoint, **kept) if before() else None,
        "everything": url_for(endpoint) if kept else None,
        "after": entry_above(),
    }


def entry_above() -> Event | None:
    """The entry that those asked for are put under, so that its day is not headed twice."""
    last = before()
    return db.session.get(Event, last) if last and wants_part() else None
