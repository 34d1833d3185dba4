"""Putting things on record. Everybody may record; the record is part of the change."""

from typing import Any

from flask import has_request_context, request
from flask_login import current_user

from app.audit.actions import ACTIONS
from app.audit.models import Event, Subject
from app.envelope import request_id
from app.extensions import client_address, db, throttled_address

SYSTEM = Subject("system", None, "System")
UNKNOWN = Subject("", None, "Unknown")


def record(
    action: str,
    subject: Subject | None = None,
    *,
    actor: Subject | None = None,
    detail: str = "",
    changes: dict[str, tuple[Any, Any]] | None = None,
    undo: dict[str, Any] | None = None,
) -> Event:
    """Add an event to the session: it is committed, or not, together with what it is about.

    ``actor`` is whoever is signed in unless given. Never pass a secret: not even its hash.
    ``undo`` is what it takes to put it back (app/audit/undo.py): the "part" of the "thing" that
    changed, and whatever the feature needs; JSON values.
    """
    if action not in ACTIONS:
        raise ValueError(f"{action!r} is not in the trail's vocabulary (audit/actions.py).")
    by, to = actor or whoever_asks(), subject or Subject("", None, "")
    event = Event(action=action, detail=printable(detail, 200), changes=as_lists(changes or {}))
    event.actor_id, event.actor_name = by.id, printable(by.name, 100)
    event.subject_kind, event.subject_id = to.kind, to.id
    event.subject_name, event.undo = printable(to.name, 100), undo
    if has_request_context():
        event.address = client_address()[:45]
        event.network = throttled_address()[:45]
        event.agent = printable(request.user_agent.string, 255)
        event.request_id = request_id()
    db.session.add(event)
    return event


def whoever_asks() -> Subject:
    if not has_request_context():
        return SYSTEM
    return current_user.as_subject if current_user.is_authenticated else UNKNOWN


def as_lists(changes: dict[str, tuple[Any, Any]]) -> dict[str, list[Any]]:
    """Only what differs, as JSON can keep it."""
    differing = {field: pair for field, pair in changes.items() if pair[0] != pair[1]}
    return {field: [kept(value) for value in pair] for field, pair in differing.items()}


def kept(value: Any) -> Any:
    return printable(value, 300) if isinstance(value, str) else value


def printable(text: str, longest: int) -> str:
    """One line without control characters, so that nobody can forge an entry."""
    return "".join(sign if sign.isprintable() else " " for sign in text)[:longest]
