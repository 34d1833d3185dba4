"""Moving many people to another tier at once, and which of them are not moved."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, Update, func, select, update

from app.audit.models import Event, Subject
from app.extensions import db
from app.tiers.models import Tier
from app.users.deeds import note_move
from app.users.found import matching
from app.users.models import User
from app.words import count

MOST_UNDONE = 100  # by one press
MOST_NAMES = 3  # of those who are not moved, in a sentence


@dataclass
class Moved:
    """How a move went: the trail's entries of it, how many were there already, who is deleted."""

    entries: list[Event] = field(default_factory=list)
    already: int = 0
    deleted: list[str] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        """What remains to be said: "2 were not: Wei Zhang and Kofi Mensah are deleted."."""
        parts = []
        if self.already:
            parts.append(f"{were(self.already)} there already.")
        if self.deleted:
            are = "is" if len(self.deleted) == 1 else "are"
            parts.append(f"{were(len(self.deleted))} not: {names(self.deleted)} {are} deleted.")
        return " ".join(parts)


def were(number: int) -> str:
    return f"{number:,} was" if number == 1 else f"{number:,} were"


def names(people: Sequence[str]) -> str:
    """Say "Ann", "Ann and Bob", "Ann, Bob, Cy and 4 others"."""
    shown, more = list(people[:MOST_NAMES]), len(people) - MOST_NAMES
    last = count(more, "other") if more > 0 else shown.pop()
    return f"{', '.join(shown)} and {last}" if shown else last


def hold(ids: Sequence[int]) -> Update:
    """Changes nothing, but whoever else would change them waits until this is done."""
    held = update(User).where(User.id.in_(ids)).values(updated_at=User.updated_at)
    return held.execution_options(synchronize_session=False)


def move_all(
    ids: Sequence[int], tier: Tier | None, actor: Subject | None = None, detail: str = ""
) -> Moved:
    """Move those who are not deleted and not there already, on record; the caller commits."""
    db.session.execute(hold(ids))
    theirs = select(User).where(User.id.in_(ids)).order_by(User.id)
    people = db.session.scalars(theirs.execution_options(populate_existing=True)).unique()
    moved = Moved()
    for user in people:
        before = user.tier
        if user.is_deleted:
            moved.deleted.append(user.name)
        elif user.tier_id == (tier.id if tier else None):
            moved.already += 1
        else:
            user.move_to(tier)
            moved.entries += note_move(user, before, actor, detail)
    db.session.flush()
    return moved


def on_record(detail: str) -> Select[Any]:
    """Whom the trail says were moved by the work of that name."""
    return select(Event.subject_id).where(Event.action == "tier.moved", Event.detail == detail)


def moved_before(ids: Sequence[int], detail: str) -> set[int | None]:
    """Those of ``ids`` among them."""
    theirs = (Event.subject_kind == "user", Event.subject_id.in_(ids))
    return set(db.session.scalars(on_record(detail).where(*theirs)))


def how_many(detail: str) -> int:
    return db.session.scalar(select(func.count()).select_from(on_record(detail).subquery())) or 0


def chosen(
    ids: Sequence[int] | None, asked: dict[str, str], last: int | None = None
) -> Select[Any]:
    """The ids of those who are meant, lowest first: the ones given, or without any all
    living who match.

    ``last`` leaves out who came after it was asked.
    """
    if ids is not None:
        return select(User.id).where(User.id.in_(ids)).order_by(User.id)
    match = matching(**asked).where(User.deleted_at.is_(None))
    everybody = match.with_only_columns(User.id).order_by(None).order_by(User.id)
    return everybody if last is None else everybody.where(User.id <= last)


def of_one_move(first: int, last: int, actor_id: int) -> Select[Any]:
    """The ids of the entries between two that one request of that person wrote."""
    request = select(Event.request_id).where(Event.id == first).scalar_subquery()
    theirs = (Event.id.between(first, last), Event.actor_id == actor_id)
    same = (Event.action == "tier.moved", Event.request_id == request, Event.request_id != "")
    return select(Event.id).where(*theirs, *same).order_by(Event.id).limit(MOST_UNDONE)


def by_tier(ids: Sequence[int] | None, asked: dict[str, str]) -> list[tuple[str, int]]:
    """How many of those who are meant and living are on each tier, by its name; "" for none."""
    meant = chosen(ids, asked).order_by(None).subquery()
    living = (User.id.in_(select(meant.c.id)), User.deleted_at.is_(None))
    grouped = (
        select(func.coalesce(Tier.name, ""), func.count())
        .select_from(User)
        .outerjoin(Tier, Tier.id == User.tier_id)
        .where(*living)
        .group_by(Tier.name)
        .order_by(Tier.name)
    )
    return [(name, number) for name, number in db.session.execute(grouped)]
