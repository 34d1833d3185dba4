"""Taking back what is on record. Each feature says how, for what it put on record with ``undo``."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import func, null, select, tuple_

from app.audit.models import Event
from app.errors import Stale
from app.extensions import db

# Takes the event back, by the deeds of its feature, and says in a sentence what is so again.
# Raises Stale when it is not any more as the event left it, Refused when it cannot be; both before
# anything is committed.
Undo = Callable[[Event], str]
# Says where to look at what an event was about: "Open Pro to edit."
Way = Callable[[Event], str]

UNDOES: dict[str, Undo] = {}
WAYS: dict[str, Way] = {}


class Part(NamedTuple):
    """What of which thing changed. Without a ``name`` it is the whole thing: made, or taken away.

    ``thing`` tells what an event is about from what has the same id later.
    """

    kind: str
    id: int | None
    thing: str
    name: str

    def touches(self, other: "Part") -> bool:
        return self[:3] == other[:3] and (self.name == other.name or not (self.name and other.name))


def undoes(action: str) -> Callable[[Undo], Undo]:
    """Let the function take back what was recorded by that code."""

    def keep(function: Undo) -> Undo:
        UNDOES[action] = function
        return function

    return keep


def leads_to(kind: str) -> Callable[[Way], Way]:
    """Let the function say where people look at a subject of that kind."""

    def keep(function: Way) -> Way:
        WAYS[kind] = function
        return function

    return keep


def has_undo(event: Event) -> bool:
    return event.undo is not None and event.action in UNDOES


def put_back(event: Event) -> str:
    """Take ``event`` back, which is on record too; the caller commits. Says what is so again.

    Raises Stale when the same was changed again since, also to and fro, and Refused when it cannot
    be. Of several at once one succeeds.
    """
    db.session.execute(Event.hold(event.id))
    db.session.expire_all()  # what was read before may be old by now
    if overtaken([event]):
        raise Stale
    return UNDOES[event.action](event)


def way_to(event: Event) -> str:
    return WAYS[event.subject_kind](event)


def undoable(events: Sequence[Event]) -> set[int]:
    """The ids of those that may still be taken back, as far as the trail knows."""
    asked = [event for event in events if has_undo(event)]
    return {event.id for event in asked} - overtaken(asked)


def overtaken(events: Sequence[Event]) -> set[int]:
    """The ids of those whose part was changed again since: one query, however many they are."""
    if not events:
        return set()
    changed = last_changes(events)
    return {
        event.id
        for event in events
        if any(last > event.id and part.touches(part_of(event)) for part, last in changed)
    }


def part_of(event: Event) -> Part:
    undo: dict[str, Any] = event.undo or {}
    return Part(event.subject_kind, event.subject_id, undo["thing"], undo["part"])


def last_changes(events: Sequence[Event]) -> list[tuple[Part, int]]:
    """When each part of what ``events`` are about was changed last: the id of that entry."""
    subjects = {(event.subject_kind, event.subject_id) for event in events}
    facts = (
        select(
            Event.id,
            Event.subject_kind,
            Event.subject_id,
            Event.undo["thing"].as_string().label("thing"),
            Event.undo["part"].as_string().label("part"),
        )
        .where(tuple_(Event.subject_kind, Event.subject_id).in_(subjects))
        .where(Event.undo.is_not(null()), Event.id > min(event.id for event in events))
        .subquery()
    )
    part = (facts.c.subject_kind, facts.c.subject_id, facts.c.thing, facts.c.part)
    rows = db.session.execute(select(*part, func.max(facts.c.id)).group_by(*part))
    return [(Part(*values), last) for *values, last in rows]
