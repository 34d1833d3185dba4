"""The figures of the operators' dashboard. Each is one query that an index answers."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import case, func, literal, select

from app.database import UTCDateTime, now
from app.extensions import db
from app.jobs import queues
from app.jobs.chart import FINISHED, last_hours
from app.jobs.models import OPEN, Job
from app.jobs.workers import Queue, Worker
from app.words import zone

BAD = ("failed", "dead")
SAMPLE = 500  # ends that the typical wait is taken from
MOST_SAID = 99


@dataclass(frozen=True)
class Load:
    """A queue: how many jobs may begin, begin later and run, and since when the first waits."""

    name: str
    paused: Queue | None = None
    waiting: int = 0
    later: int = 0
    running: int = 0
    since: datetime | None = None

    @property
    def seconds(self) -> float | None:
        return (now() - self.since).total_seconds() if self.since else None


@dataclass(frozen=True)
class Hand:
    """A worker that is online, and how many of its threads work."""

    worker: Worker
    busy: int

    @property
    def silent_seconds(self) -> int:
        return max(0, int((now() - self.worker.seen_at).total_seconds()))


def figures() -> dict[str, Any]:
    """Whatever is drawn anew while the page is open."""
    loads = every_load()
    return {
        "hands": hands(),
        "loads": loads,
        "oldest": min((load.since for load in loads if load.since), default=None),
        "wait": typical_wait(),
        "today": ended_today(),
        "chart": last_hours(),
        "now": now(),
    }


def hands() -> list[Hand]:
    running = select(Job.worker, func.count()).where(Job.status == "running").group_by(Job.worker)
    busy = {worker: jobs for worker, jobs in db.session.execute(running)}
    online = db.session.scalars(Worker.online().order_by(Worker.host, Worker.pid))
    return [Hand(worker, min(worker.threads, busy.get(worker.id, 0))) for worker in online]


def every_load() -> list[Load]:
    """Every queue there is, also those that nothing waits in."""
    stopped = {queue.name: queue for queue in db.session.scalars(select(Queue)) if queue.paused_at}
    busy: Any = db.session.execute(open_jobs())
    rows = [Load(name, stopped.get(name), *facts) for name, *facts in busy]
    idle = {*queues.declared(), *stopped} - {load.name for load in rows}
    rows += [Load(name, stopped.get(name)) for name in idle]
    return sorted(rows, key=lambda load: load.name)


def open_jobs() -> Any:
    """Of each queue the jobs that wait, that wait until later and that run, and the oldest."""
    due = (Job.status == "queued") & (Job.run_at <= now())
    first = func.min(case((due, Job.run_at), else_=literal(None, UTCDateTime())))
    numbers = (
        func.count().filter(due),
        func.count().filter(Job.status == "queued", Job.run_at > now()),
        func.count().filter(Job.status == "running"),
    )
    return select(Job.queue, *numbers, first).where(Job.status.in_(OPEN)).group_by(Job.queue)


def typical_wait() -> tuple[float, float] | None:
    """The seconds from being due to being begun, of what ended lately: half, and 95 in 100."""
    began = (Job.finished_at > now() - timedelta(days=1), Job.started_at >= Job.run_at)
    lately = select(Job.run_at, Job.started_at).where(*began)
    rows: Any = db.session.execute(lately.order_by(Job.finished_at.desc()).limit(SAMPLE))
    waits = sorted((started - due).total_seconds() for due, started in rows)
    return (median(waits), waits[int((len(waits) - 1) * 0.95)]) if waits else None


def ended_today() -> tuple[int, int]:
    """How many failed of how many that finished, since midnight where the person is."""
    midnight = now().astimezone(zone()).replace(hour=0, minute=0, second=0, microsecond=0)
    bad = func.count().filter(Job.status.in_(BAD))
    ended = (Job.finished_at >= midnight, FINISHED)
    failed, finished = db.session.execute(select(bad, func.count()).where(*ended)).one()
    return failed, finished


def trouble() -> tuple[str, str]:
    """What the menu says beside Jobs: how many failed in a day, counted no further than it says."""
    lately = (Job.status.in_(BAD), Job.finished_at > now() - timedelta(days=1))
    some = select(Job.id).where(*lately).limit(MOST_SAID + 1).subquery()
    failed = db.session.scalar(select(func.count()).select_from(some)) or 0
    return (f"{MOST_SAID}+" if failed > MOST_SAID else str(failed or ""), "failed")
