"""People as operators look for them: by words, tier, state and last activity, in an order."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Select, func, select

from app.counting import WITH_WORDS, Total, totals
from app.database import now
from app.keyset import Order
from app.ordering import LONG_AGO
from app.search import matching as with_words
from app.search import text_of
from app.tiers.models import Tier
from app.users.models import IS_DEACTIVATED, IS_DELETED, NAME, SEEN, User

STATES = ("active", "deactivated", "deleted")
SORTS = ("name", "email", "joined", "seen")
WORDS = text_of(func.lower(User.name), User.username, User.email)


def matching(q: str = "", tier: str = "", state: str = "", seen: str = "") -> Select[Any]:
    """The people that match, in no order."""
    return select(User).where(*conditions(q, tier, seen), *state_is(state))


def counts(q: str = "", tier: str = "", seen: str = "") -> dict[str, Total]:
    """How many match in each state; "" are all the living."""
    of_each = [
        select(User.id).where(*conditions(q, tier, seen), *state_is(state)) for state in STATES
    ]
    found = dict(zip(STATES, totals(of_each, WITH_WORDS if q else None), strict=True))
    return {**found, "": found["active"] + found["deactivated"]}


def conditions(q: str, tier: str, seen: str) -> list[Any]:
    found: list[Any] = with_words(User, q, WORDS, User.username, User.email)
    if tier == "-":
        found.append(User.tier_id.is_(None))
    elif tier:
        found.append(User.tier_id == select(Tier.id).where(Tier.name == tier).scalar_subquery())
    if seen == "7":
        found.append(SEEN.between(now() - timedelta(days=7), now()))
    elif seen == "90":
        found.append(SEEN.between(LONG_AGO, now() - timedelta(days=90)))
    return found


def state_is(state: str) -> list[Any]:
    if state == "deleted":
        return [IS_DELETED]
    if state == "deactivated":
        return [IS_DEACTIVATED]
    living = User.deleted_at.is_(None)
    return [living, User.active.is_(True)] if state == "active" else [living]


def order(sort: str = "") -> Order:
    """By ``sort``, with - the other way round; whoever was here last first, if it says nothing.

    Who was never here counts as here longest ago.
    """
    columns: dict[str, tuple[Any, ...]] = {
        "id": (User.id,),
        "name": (NAME, User.id),
        "email": (User.email, User.id),
        "joined": (User.created_at, User.id),
        "seen": (SEEN, User.id),
    }
    by = columns.get(sort.lstrip("-"))
    return Order(by, sort.startswith("-")) if by else Order(columns["seen"], descending=True)
