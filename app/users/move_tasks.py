"""Moving more people to another tier than a page should wait for."""

from sqlalchemy import func, select

from app.extensions import db
from app.tasks import Running, TaskFailed, task
from app.tiers.models import Tier
from app.users import moving
from app.users.askers import operator
from app.users.models import User
from app.words import count

BATCH = 200


@task("Move to another tier", operators_only=True, by_hand=False)
def move_users(
    job: Running,
    by: int,
    to: int | None,
    mark: str,
    last: int,
    ids: list[int] | None = None,
    asked: dict[str, str] | None = None,
) -> dict[str, int]:
    """Move those of ``ids``, or all who match and have no number above ``last``, some at a time.

    Each batch is kept as it is done. Whoever is moved on record by this job is left alone when it
    is tried again, wherever they are by then.
    """
    actor, detail = operator(by), f"task {job.id}"
    meant = moving.chosen(ids, asked or {}, last)
    total = db.session.scalar(select(func.count()).select_from(meant.subquery())) or 0
    after, done, already, deleted = 0, 0, 0, 0
    while batch := list(db.session.scalars(meant.where(User.id > after).limit(BATCH))):
        job.progress(*shown(done, total))
        before = moving.moved_before(batch, detail)
        rest = [number for number in batch if number not in before]
        moved = moving.move_all(rest, target(to, mark), actor, detail)
        after, done = batch[-1], done + len(batch)
        already, deleted = already + moved.already, deleted + len(moved.deleted)
        job.keep(*shown(done, total))
        db.session.expunge_all()
    found = {"moved": moving.how_many(detail), "there already": already, "deleted": deleted}
    return {name: number for name, number in found.items() if number or name == "moved"}


def shown(done: int, total: int) -> tuple[int, str]:
    return min(99, done * 100 // max(1, total)), f"{done:,} of {count(total, 'user')}"


def target(to: int | None, mark: str) -> Tier | None:
    """The tier as it is now. Raises TaskFailed when it is gone; who was moved before stays so."""
    tier = db.session.scalar(Tier.by_mark(to, mark)) if to is not None else None
    if to is not None and tier is None:
        raise TaskFailed("The tier was deleted meanwhile. Nobody else was moved.")
    return tier
