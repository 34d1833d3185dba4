"""What the trail holds, read behind the doors' back."""

from typing import Any

from flask import Flask

from app.audit.models import Event
from app.audit.trail import record
from app.extensions import db


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
