"""The same done to more jobs than a request should wait for: work of its own, in batches.

Each batch is kept by itself, and what is done once is not meant any more. So such a job may be
stopped, or begun again after its worker was killed, at any place.
"""

from datetime import datetime

from app.extensions import db
from app.jobs.bulk import CANCEL, DISCARD, RETRY, Deed, Many, keep
from app.tasks import Running, Task, task

BATCH = 100


@task("Retry many jobs", operators_only=True, by_hand=False, unique=True, priority=10)
def retry_jobs(
    job: Running, by: str, until: datetime, state: str, q: str = "", kind: str = ""
) -> dict[str, int]:
    return in_batches(job, RETRY, Many(state, q, kind, until), by)


@task("Discard many jobs", operators_only=True, by_hand=False, unique=True, priority=10)
def discard_jobs(
    job: Running, by: str, until: datetime, state: str, q: str = "", kind: str = ""
) -> dict[str, int]:
    return in_batches(job, DISCARD, Many(state, q, kind, until), by)


@task("Cancel many jobs", operators_only=True, by_hand=False, unique=True, priority=10)
def cancel_jobs(
    job: Running, by: str, until: datetime, state: str, q: str = "", kind: str = ""
) -> dict[str, int]:
    return in_batches(job, CANCEL, Many(state, q, kind, until), by)


def task_of(deed: Deed) -> Task:
    """The kind of work that does it to many."""
    return {"retry": retry_jobs, "discard": discard_jobs, "cancel": cancel_jobs}[deed.name]


def in_batches(job: Running, deed: Deed, many: Many, by: str) -> dict[str, int]:
    """Do it to all that are meant, by id; tells how far it is after each batch."""
    total, seen, done, last = many.total, 0, 0, ""
    while some := db.session.scalars(many.ids(after=last).limit(BATCH)).all():
        done += keep(deed, [one for one in some if one != job.id], by)
        seen, last = seen + len(some), some[-1]
        job.progress(min(99, seen * 100 // max(1, total)), f"{seen:,} of {total:,} jobs")
    return {deed.done: done, "had changed": seen - done}
