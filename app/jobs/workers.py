"""Who works, and when work comes again."""

from datetime import datetime, timedelta

from sqlalchemy import Select, String, select
from sqlalchemy.orm import Mapped, mapped_column

from app.database import now
from app.extensions import Model


class Worker(Model):
    """A consumer process and when it was last heard of."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    host: Mapped[str] = mapped_column(String(100))
    pid: Mapped[int]
    threads: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(default=now)
    seen_at: Mapped[datetime] = mapped_column(default=now, index=True)

    @classmethod
    def online(cls) -> Select["Worker"]:
        """Those heard of in the last 30 seconds."""
        return select(cls).where(cls.seen_at > now() - timedelta(seconds=30))


class Queue(Model):
    """A queue that was paused once; one without a row never was."""

    __tablename__ = "queues"

    name: Mapped[str] = mapped_column(String(30), primary_key=True)
    paused_at: Mapped[datetime | None]
    paused_by: Mapped[str] = mapped_column(String(60), default="")

    @classmethod
    def paused(cls) -> Select[str]:
        """The names of those that are paused."""
        return select(cls.name).where(cls.paused_at.is_not(None))


class Schedule(Model):
    """When a kind of work comes next, by ``rule`` (cron, in UTC); who moves it on has the turn."""

    __tablename__ = "schedules"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    rule: Mapped[str] = mapped_column(String(100))
    next_at: Mapped[datetime]
    last_at: Mapped[datetime | None]
