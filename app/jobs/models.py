"""Jobs: the record of work that runs later. The queue carries only their ids."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    Index,
    Insert,
    LargeBinary,
    Select,
    String,
    Text,
    UniqueConstraint,
    insert,
    select,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.database import now
from app.extensions import Model
from app.jobs.outcomes import Outcome
from app.tasks import DEFAULT, TASKS, Task, Wish
from app.users.models import User

STATUSES = ("queued", "running", "succeeded", "failed", "cancelled", "dead")
OPEN = ("queued", "running")
SET_ASIDE = ("failed", "dead")  # what somebody has to look at
AGAIN = (*SET_ASIDE, "cancelled")  # what may be tried once more
STRANGERS = "address:"  # how the key of a job begins that somebody asked for without signing in


def for_operators() -> list[str]:
    """The kinds of work whose results only operators may see."""
    return [name for name, kind in TASKS.items() if kind.operators_only]


class Job(Outcome, Model):
    """One piece of work: who asked for it, how far it is, and how it ended."""

    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("owner_id", "idempotency_key"),
        CheckConstraint(f"status IN {STATUSES}", name="known_status"),
        Index("ix_jobs_status_run_at", "status", "run_at"),
        Index("ix_jobs_owner_id_created_at", "owner_id", "created_at"),
        Index("ix_jobs_finished_at", "finished_at"),
        Index("ix_jobs_created_at_id", "created_at", "id"),
        Index("ix_jobs_owner_id_finished_at", "owner_id", "finished_at"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    task: Mapped[str] = mapped_column(String(100))
    name: Mapped[str] = mapped_column(String(120), default="")
    arguments: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    unique_key: Mapped[str | None] = mapped_column(String(64), unique=True)  # until its first try
    idempotency_key: Mapped[str | None] = mapped_column(String(100))
    status: Mapped[str] = mapped_column(String(10), default="queued")
    progress: Mapped[int | None]
    message: Mapped[str] = mapped_column(String(500), default="")
    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    result: Mapped[Any] = mapped_column(JSON, nullable=True)
    file_name: Mapped[str | None] = mapped_column(String(100))
    error: Mapped[str | None] = mapped_column(String(500))
    details: Mapped[str | None] = mapped_column(Text)
    attempt: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=3)
    priority: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    queue: Mapped[str] = mapped_column(String(30), default=DEFAULT, server_default=DEFAULT)
    worker: Mapped[str | None] = mapped_column(String(32))
    stop_asked: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=now)
    run_at: Mapped[datetime] = mapped_column(default=now)
    sent_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    deadline_at: Mapped[datetime | None]  # when this attempt has taken too long
    finished_at: Mapped[datetime | None]
    owner: Mapped[User | None] = relationship()

    input = b""  # what it is to work on, until it is stored with the job

    @classmethod
    def asked_for(cls, kind: Task, arguments: dict[str, Any], wish: Wish) -> "Job":
        """A new job, to be added and committed with the change that asks for it."""
        job = cls(
            id=uuid.uuid4().hex,
            task=kind.name,
            name=wish.name,
            owner=wish.owner,
            arguments=arguments,
            priority=wish.priority,
            queue=kind.queue,
            run_at=wish.run_at or now(),
            steps=[{"name": step, "state": "todo"} for step in kind.steps],
        )
        job.input = wish.input
        return job

    @property
    def title(self) -> str:
        """What people read: the name they gave, else the kind of work."""
        return self.name or self.kind

    @property
    def kind(self) -> str:
        return TASKS[self.task].title if self.task in TASKS else self.task

    @property
    def is_open(self) -> bool:
        """Whether it still waits or runs."""
        return self.status in OPEN

    @property
    def is_strangers(self) -> bool:
        """Whether nobody signed in asked for it, not whether who did is gone: its id is the key."""
        return self.owner_id is None and (self.idempotency_key or "").startswith(STRANGERS)

    @property
    def seconds(self) -> float | None:
        """How long it has been running, or took."""
        if self.started_at is None:
            return None
        return ((self.finished_at or now()) - self.started_at).total_seconds()

    @property
    def seconds_left(self) -> int | None:
        """About how long it still runs, in tens of seconds; None before a tenth is done."""
        done, seconds = self.progress or 0, self.seconds or 0
        if self.status != "running" or done < 10:
            return None
        return max(10, round(seconds * (100 - done) / done / 10) * 10)

    @property
    def waits_until(self) -> datetime | None:
        """When it is tried again, for a job that waits after a failed try."""
        return self.run_at if self.status == "queued" and self.run_at > now() else None

    @property
    def headline(self) -> str:
        """The title of its page: how far it is or how it ended, and what it is."""
        if not self.is_open:
            return f"{self.word} · {self.title}"
        return self.title if self.progress is None else f"{self.progress}% · {self.title}"

    @property
    def milestone(self) -> str:
        """What is worth saying aloud: the state, and each quarter on the way."""
        if self.stop_asked and self.is_open:
            return "Stopping…"
        quarter = (self.progress or 0) // 25 * 25
        if self.status == "running" and quarter:
            return f"{quarter}% done"
        return self.word

    @property
    def word(self) -> str:
        """The state as account holders read it: whether it may be tried again is all the same."""
        return "Failed" if self.status == "dead" else self.status.capitalize()

    @property
    def shown_steps(self) -> list[dict[str, Any]]:
        """The steps with ``state`` (done, now, stopped, todo) and, once begun, ``seconds``."""
        return [self._shown(step) for step in self.steps]

    def _shown(self, step: dict[str, Any]) -> dict[str, Any]:
        if self.status == "queued":
            return {"name": step["name"], "state": "todo"}
        if step["state"] != "now":
            return step
        seconds = (self.finished_at or now()).timestamp() - step["since"]
        return {**step, "state": "now" if self.is_open else "stopped", "seconds": max(0, seconds)}

    @classmethod
    def open_of_strangers(cls) -> Select[str]:
        """The ids of what nobody signed in asked for, and what still waits or runs."""
        asked = cls.idempotency_key.startswith(STRANGERS)
        return select(cls.id).where(cls.status.in_(OPEN), cls.owner_id.is_(None), asked)

    def can_be_seen_by(self, user: User) -> bool:
        """Operators see every job; its owner does, unless its kind is for operators only."""
        if user.is_superuser:
            return True
        return self.owner_id == user.id and self.task not in for_operators()

    @classmethod
    def of(cls, user: User) -> Select[tuple["Job"]]:
        """The jobs that ``user`` asked for and may see, newest first."""
        mine: Select[Any] = select(cls).where(cls.owner_id == user.id)
        if not user.is_superuser:
            mine = mine.where(cls.task.not_in(for_operators()))
        return mine.order_by(cls.created_at.desc(), cls.id.desc())


class JobLog(Model):
    """A line that a running job wrote."""

    __tablename__ = "job_log"

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(default=now)
    text: Mapped[str] = mapped_column(String(500))

    @classmethod
    def of(cls, job: Job) -> Select["JobLog"]:
        """The last lines, newest first."""
        return select(cls).where(cls.job_id == job.id).order_by(cls.id.desc()).limit(50)

    @classmethod
    def line(cls, identifier: str, text: str) -> Insert:
        """Add a line without a session."""
        return insert(cls).values(job_id=identifier, text=text[:500])


class JobChunk(Model):
    """A piece of the file that an attempt of a job writes."""

    __tablename__ = "job_chunks"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)

    @classmethod
    def of(cls, job: Job, after: int) -> Select[int, bytes]:
        """The next piece after number ``after``."""
        return (
            select(cls.number, cls.data)
            .where(cls.job_id == job.id, cls.attempt == job.attempt, cls.number > after)
            .order_by(cls.number)
            .limit(1)
        )
