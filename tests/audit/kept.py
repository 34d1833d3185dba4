"""What the trail holds, read behind the doors' back."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from flask import Flask, has_request_context, request
from sqlalchemy import event as sqlalchemy_event

from app.audit.models import Event
from app.audit.trail import record
from app.database import now
from app.extensions import db

# What is on record of somebody who is not signed in (yet); all else somebody did.
OF_STRANGERS = {
    "sign_in.failed",
    "sign_in.throttled",
    "sign_in.factor_failed",
    "sign_in.factor_throttled",
    "password.asked",
}


@contextmanager
def watched() -> Iterator[None]:
    """Whatever is put on record meanwhile, by any door, has to say who, whom, when and from where.

    Looked at as it is written, beside the request that writes it: so no door can be forgotten.
    """
    gaps: list[str] = []

    def look(_mapper: Any, _connection: Any, event: Event) -> None:
        if has_request_context() and "gatehouse.request_id" in request.environ:
            gaps.extend(f"{event.action} lacks {gap}" for gap in gaps_of(event))

    sqlalchemy_event.listen(Event, "after_insert", look)
    try:
        yield
    finally:
        sqlalchemy_event.remove(Event, "after_insert", look)
    assert gaps == []


def gaps_of(event: Event) -> list[str]:
    """What an entry that this request writes should say, and does not."""
    whom = (event.subject_kind, event.subject_id, event.subject_name)
    says = {
        "its time": timedelta() <= now() - event.at < timedelta(minutes=1),
        "its address": event.address == request.remote_addr,
        "its browser": bool(event.agent) == bool(request.user_agent.string),
        "its request": event.request_id == request.environ["gatehouse.request_id"],
        "who did it": bool(event.actor_name),
        "whose number it was": event.actor_id is not None or event.action in OF_STRANGERS,
        "whom it was done to": not event.names_subject or all(whom),
    }
    return [what for what, is_said in says.items() if not is_said]


def kept(app: Flask, action: str | None = None) -> list[Event]:
    """Every entry, or those of one action; oldest first, as stored now."""
    with app.app_context():
        events = [*db.session.scalars(Event.newest())][::-1]
        db.session.expunge_all()
    return [event for event in events if action in (None, event.action)]


def only(app: Flask) -> Event:
    """The one entry that there is."""
    events = kept(app)
    assert len(events) == 1, [event.action for event in events]
    return events[0]


def told(event: Event) -> tuple[str, str, str]:
    """Who did what to whom."""
    return event.actor_name, event.action, event.subject_name


def keep(app: Flask, times: int = 1, action: str = "sign_in", **values: Any) -> None:
    """So many entries more, each with ``values`` in its columns."""
    with app.app_context():
        for number in range(times):
            event = record(action, detail=f"no {number}")
            for name, value in values.items():
                setattr(event, name, value)
        db.session.commit()
