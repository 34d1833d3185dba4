"""The audit trail: who did what to whom, when and from where. Rows are only ever added."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import JSON, Index, Select, String, Update, and_, func, or_, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from app.audit.actions import ACTIONS
from app.database import now
from app.extensions import Model
from app.search import text_of


class Subject(NamedTuple):
    """Who or what an event is about; also who did it."""

    kind: str
    id: int | None
    name: str


class Event(Model):
    """One thing that was done. ``changes`` maps a field to its value before and after."""

    __tablename__ = "audit_events"
    __table_args__ = (
        Index("ix_audit_events_actor_id_id", "actor_id", "id"),
        Index("ix_audit_events_subject_id_id", "subject_kind", "subject_id", "id"),
        Index("ix_audit_events_actor_id_network", "actor_id", "network", "action", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(default=now, index=True)
    action: Mapped[str] = mapped_column(String(40), index=True)
    actor_id: Mapped[int | None]
    actor_name: Mapped[str] = mapped_column(String(100), default="")
    subject_kind: Mapped[str] = mapped_column(String(20), default="")
    subject_id: Mapped[int | None]
    subject_name: Mapped[str] = mapped_column(String(100), default="")
    detail: Mapped[str] = mapped_column(String(200), default="")
    changes: Mapped[dict[str, list[Any]]] = mapped_column(JSON, default=dict)
    # What it takes to put it back, as the feature that recorded it keeps it; null if it cannot be.
    undo: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    address: Mapped[str] = mapped_column(String(45), default="")
    network: Mapped[str] = mapped_column(String(45), default="", server_default=text("''"))
    agent: Mapped[str] = mapped_column(String(255), default="")
    request_id: Mapped[str] = mapped_column(String(32), default="")

    @property
    def sentence(self) -> tuple[str, str]:
        """What happened, in two halves: the subject's name stands between them."""
        _, template = ACTIONS.get(self.action, ("", self.action))
        before, _, after = template.partition("{subject}")
        return before.replace("{detail}", self.detail), after.replace("{detail}", self.detail)

    @property
    def names_subject(self) -> bool:
        return "{subject}" in ACTIONS.get(self.action, ("", ""))[1]

    @classmethod
    def newest(cls, before: int | None = None) -> Select["Event"]:
        """Newest first; with ``before``, those older than that id."""
        every = select(cls).order_by(cls.id.desc())
        return every.where(cls.id < before) if before else every

    @classmethod
    def hold(cls, identifier: int) -> Update:
        """Changes nothing, but whoever else would take the same back waits until this is done."""
        held = update(cls).where(cls.id == identifier).values(id=cls.id)
        return held.execution_options(synchronize_session=False)

    @classmethod
    def about(cls, user_id: int) -> Any:
        """The condition that an event was done by, or to, that person."""
        to_them = (cls.subject_kind == "user") & (cls.subject_id == user_id)
        return or_(cls.actor_id == user_id, to_them)

    @classmethod
    def since_from(
        cls, moment: datetime, network: str, user_id: int, actions: tuple[str, ...]
    ) -> Any:
        """The condition that a person did one of ``actions`` since then, from that network."""
        by_them = (cls.actor_id == user_id, cls.network == network)
        return and_(*by_them, cls.action.in_(actions), cls.at >= moment)


# What is looked through for words, as its index has it.
WORDS = text_of(
    func.lower(Event.actor_name),
    func.lower(Event.subject_name),
    Event.address,
    func.lower(Event.detail),
)
