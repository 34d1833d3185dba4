"""What every tier allows, kept in each process and read again once somebody changed it.

Each change of a tier or a limit moves a version, in the same transaction. Redis knows it too, so a
limited call compares it in the round trip that counts; without Redis the database is asked.
"""

import time
from dataclasses import dataclass
from typing import Any, NamedTuple

from flask import current_app
from sqlalchemy import Connection, case, event, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.extensions import counters, db
from app.tiers.models import PolicyVersion, RateLimit, Tier, label_of

ONLY = 1  # the one row of the table
MOVED = "policy_version"  # in the session: the version that a commit makes true


class Rule(NamedTuple):
    """So many calls in every ``period`` seconds; ``observed`` ones are counted, never refused.

    ``reason`` is "rule", or why the default applies: "no tier", "no rule", "signed out".
    """

    limit: int
    period: int
    reason: str
    observed: bool = False


@dataclass(frozen=True)
class Policy:
    """Every rule by tier and route, and the tiers' names as people read them."""

    version: int
    default: tuple[int, int]
    tiers: dict[int, str]
    rules: dict[tuple[int, str], Rule]

    def rule_for(self, tier_id: int | None, route: str, is_person: bool) -> Rule:
        if not is_person:
            return Rule(*self.default, "signed out")
        if tier_id is None:
            return Rule(*self.default, "no tier")
        return self.rules.get((tier_id, route)) or Rule(*self.default, "no rule")


def kept() -> Policy:
    """The policy to count a call by: ``counters.take`` tells when it is outdated, if it can."""
    mine: Policy | None = current_app.extensions.get("limit_policy")
    return mine if mine and counters.knows_versions else fresh()


def fresh() -> Policy:
    """The policy as it is stored now; one small query while nothing has changed."""
    version = stored_version()
    mine: Policy | None = current_app.extensions.get("limit_policy")
    if mine is None or mine.version != version:
        mine = read(version)
        current_app.extensions["limit_policy"] = mine
    return mine


def changed() -> Policy:
    """The policy after a call was told that its one is outdated; the next ones compare with it."""
    known = fresh()
    if counters.knows_versions:
        counters.tell_version(known.version)
    return known


def stored_version() -> int:
    # Asked for at each limited call without Redis: the words themselves are sent, which is quicker.
    found = db.session.connection().exec_driver_sql("SELECT version FROM limit_policy").scalar()
    return int(found or 0)


def read(version: int) -> Policy:
    """Every rule, of ``version`` or of a later one: then the next look reads once more."""
    config = current_app.config
    default = (config["DEFAULT_RATE_LIMIT_LIMIT"], config["DEFAULT_RATE_LIMIT_PERIOD"])
    tiers = db.session.execute(select(Tier.id, Tier.name))
    facts = (RateLimit.limit, RateLimit.period, RateLimit.observed)
    rules = db.session.execute(select(RateLimit.tier_id, RateLimit.route, *facts))
    return Policy(
        version,
        default,
        {number: label_of(name) for number, name in tiers},
        {
            (tier, route): Rule(limit, period, "rule", observed)
            for tier, route, limit, period, observed in rules
        },
    )


@event.listens_for(db.session, "before_flush")
def move_version(session: Session, _context: Any, _instances: Any) -> None:
    changed = [each for each in session.dirty if session.is_modified(each)]
    if any(map(changes_policy, [*session.new, *session.deleted, *changed])):
        session.info[MOVED] = moved(session.connection())


def changes_policy(row: object) -> bool:
    return isinstance(row, (Tier, RateLimit))


def moved(connection: Connection) -> int:
    """Move the version on, past every one there ever was; the caller's transaction keeps it.

    It follows the clock, so that a database that was put back does not repeat one.
    """
    now = time.time_ns() // 1_000_000
    version = PolicyVersion.version
    later = case((version >= now, version + 1), else_=now)
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    first = dialect.insert(PolicyVersion).values(id=ONLY, version=now)
    moved = first.on_conflict_do_update(index_elements=["id"], set_={"version": later})
    return connection.execute(moved.returning(version)).scalar_one()


@event.listens_for(db.session, "after_commit")
def tell_version(session: Session) -> None:
    version = session.info.pop(MOVED, None)
    if version is not None and counters.knows_versions:
        counters.tell_version(version)


@event.listens_for(db.session, "after_rollback")
def forget_version(session: Session) -> None:
    session.info.pop(MOVED, None)
