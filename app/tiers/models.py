"""Tiers, and how often their people may call each limited route."""

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Select,
    String,
    UniqueConstraint,
    false,
    func,
    select,
)
from sqlalchemy.orm import Mapped, contains_eager, mapped_column, relationship

from app.audit.models import Subject
from app.database import Timestamped, Versioned
from app.extensions import Model
from app.words import allowance


def label_of(name: str) -> str:
    """The name of a tier as a heading: "free" reads "Free"."""
    return name[:1].upper() + name[1:]


class Tier(Timestamped, Versioned, Model):
    """A group of people with the same limits."""

    __tablename__ = "tiers"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    limits: Mapped[list["RateLimit"]] = relationship(
        back_populates="tier", cascade="all, delete-orphan", order_by="RateLimit.id"
    )

    if TYPE_CHECKING:
        # How many living people it has: the feature above adds this column (users/models.py).
        people: Mapped[int]

    @property
    def as_subject(self) -> Subject:
        """How the audit trail names this tier."""
        return Subject("tier", self.id, self.name)

    @property
    def mark(self) -> str:
        """Tells this tier from one that SQLite gives the same id after this is deleted."""
        return self.created_at.isoformat()

    @property
    def label(self) -> str:
        """The name as a heading."""
        return label_of(self.name)

    def limit_for(self, route: str) -> "RateLimit | None":
        return next((limit for limit in self.limits if limit.route == route), None)

    @classmethod
    def by_name(cls, name: str) -> Select["Tier"]:
        return select(cls).where(cls.name == name)

    @classmethod
    def by_mark(cls, identifier: int, mark: str) -> Select["Tier"]:
        """The tier of that id, unless it is another one by now."""
        made = datetime.fromisoformat(mark)
        return select(cls).where(cls.id == identifier, cls.created_at == made)

    @classmethod
    def all_by_name(cls) -> Select["Tier"]:
        return select(cls).order_by(func.lower(cls.name), cls.id)


class RateLimit(Timestamped, Versioned, Model):
    """How many requests per period a tier may make to one route (an endpoint and its methods)."""

    __tablename__ = "rate_limits"
    __table_args__ = (
        UniqueConstraint("tier_id", "route"),
        CheckConstraint('"limit" >= 1', name="limit_at_least_one"),
        CheckConstraint("period >= 1", name="period_at_least_one"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    tier_id: Mapped[int] = mapped_column(ForeignKey("tiers.id", ondelete="CASCADE"))
    route: Mapped[str] = mapped_column(String(200))
    methods: Mapped[str] = mapped_column(String(40))
    name: Mapped[str | None] = mapped_column(String(200))  # as programs call it, if they do
    limit: Mapped[int]
    period: Mapped[int]
    # Counts and reports what it would refuse, and refuses nothing.
    observed: Mapped[bool] = mapped_column(default=False, server_default=false())
    tier: Mapped[Tier] = relationship(back_populates="limits")

    @property
    def phrase(self) -> str:
        return allowance(self.limit, self.period)

    @property
    def on_record(self) -> str:
        """How the trail says it."""
        return f"{self.phrase}, observed only" if self.observed else self.phrase

    @classmethod
    def elsewhere(cls, tier: Tier) -> Select["RateLimit"]:
        """The rules of the other tiers, to show beside this one's."""
        others = select(cls).join(Tier).where(cls.tier_id != tier.id)
        return others.options(contains_eager(cls.tier)).order_by(func.lower(Tier.name))

    def twin(self) -> "RateLimit":
        """The same limit, for another tier."""
        numbers = {"limit": self.limit, "period": self.period, "observed": self.observed}
        return RateLimit(route=self.route, methods=self.methods, name=self.name, **numbers)


class PolicyVersion(Model):
    """One row, whose number grows with every change of a tier or a limit."""

    __tablename__ = "limit_policy"

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)


class Usage(Model):
    """What a person did on a limited route in one slice of the clock, whether allowed or not.

    ``slice`` is where it starts, in Unix seconds. ``source`` is "" for what all processes counted
    together, or names the process that counted alone. ``tier_id`` is the tier at that time, 0 for
    none. ``is_full`` says that the limit was reached.
    """

    __tablename__ = "limit_usage"
    __table_args__ = (
        Index("ix_limit_usage_tier_id_route_slice", "tier_id", "route", "slice"),
        Index("ix_limit_usage_slice", "slice"),
    )

    user_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    route: Mapped[str] = mapped_column(String(200), primary_key=True)
    slice: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    tier_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    source: Mapped[str] = mapped_column(String(20), primary_key=True, default="")
    calls: Mapped[int]
    refused: Mapped[int]
    is_full: Mapped[bool]
