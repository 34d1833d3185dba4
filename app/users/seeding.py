"""Plausible people in any number, fast: to see how the application does with a million of them."""

import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, text

from app.database import now
from app.extensions import db
from app.tiers.models import Tier
from app.users.models import User

AT_ONCE = 20_000
YEARS = 3 * 365 * 86_400  # seconds since the first of them joined
FIRST = (
    *("Ada", "Amina", "Anna", "Ben", "Chen", "Clara", "David", "Elif", "Emeka", "Finn", "Greta"),
    *("Hana", "Hugo", "Ines", "Jamal", "Jana", "José", "Karin", "Kofi", "Lars", "Leila", "Linh"),
    *("Maja", "Mario", "Nadia", "Noor", "Olga", "Omar", "Paula", "Priya", "Quinn", "Rosa", "Sami"),
    *("Sofia", "Tariq", "Tomás", "Uma", "Vera", "Wei", "Xenia", "Yara", "Yusuf", "Zoë"),
)
LAST = (
    *("Adeyemi", "Alvarez", "Baker", "Bauer", "Castro", "Costa", "Dubois", "Eriksen", "Fischer"),
    *("García", "Haddad", "Hughes", "Ivanova", "Jansen", "Kaya", "Khan", "Kim", "Kowalski", "Lam"),
    *("Larsson", "Lopez", "Mehta", "Moreau", "Mwangi", "Nakamura", "Nguyen", "Novak", "O'Brien"),
    *("Okafor", "Patel", "Petrov", "Quist", "Rossi", "Sato", "Schmidt", "Silva", "Smith", "Tanaka"),
    *("Usman", "Varga", "Wang", "Weber", "Yilmaz", "Zhang"),
)
PLAIN = str.maketrans("áéëíó", "aeeio", "'")
SITES = ("example.com", "example.org", "example.net")


def seed(many: int, said: Callable[[int], object]) -> None:
    """Add and commit ``many`` people without passwords; ``said`` is told how many are there."""
    people = made(many, start=(db.session.scalar(select(func.max(User.id))) or 0) + 1)
    add = by_copy if db.engine.dialect.name == "postgresql" else by_insert
    done = 0
    while some := list(islice(people, AT_ONCE)):
        add(some)
        db.session.commit()
        done += len(some)
        said(done)
    # Else the database plans for the table as it was before.
    db.session.execute(text("ANALYZE users" if add is by_copy else "ANALYZE"))
    db.session.commit()


def made(many: int, start: int) -> Iterator[dict[str, Any]]:
    """Rows of people whose numbers begin with ``start``; the same ones each time."""
    chance, today = random.Random(start), now()  # noqa: S311 (nothing secret is made)
    tiers: list[int | None] = [*db.session.scalars(select(Tier.id).order_by(Tier.id))] or [None]
    weights = [2.0**-place for place in range(len(tiers))]
    first = today - timedelta(seconds=YEARS)
    for number in range(start, start + many):
        joined = first + (today - first) * ((number - start + chance.random()) / many)
        tier = chance.choices(tiers, weights)[0]
        yield one(number, joined, today, tier, chance)


def one(
    number: int, joined: datetime, today: datetime, tier: int | None, chance: random.Random
) -> dict[str, Any]:
    given, family = chance.choice(FIRST), chance.choice(LAST)
    username = f"{given.lower().translate(PLAIN)}{number}"
    seen = joined + (today - joined) * chance.random() ** 0.3
    luck = chance.random()
    return {
        "uuid": UUID(int=chance.getrandbits(128), version=4),
        "name": f"{given} {family}",
        "username": username,
        "email": f"{family.lower().translate(PLAIN)}.{username}@{chance.choice(SITES)}",
        "email_confirmed_at": joined,
        "must_reset": False,
        "time_zone": "UTC",
        "keys_off": False,
        "is_superuser": False,
        "is_active": luck > 0.005,
        "tier_id": tier,
        "created_at": joined,
        "last_seen_at": seen if luck < 0.9 else None,
        "deleted_at": seen if 0.5 < luck < 0.51 else None,
        "version": 1,
    }


def by_insert(rows: list[dict[str, Any]]) -> None:
    db.session.execute(insert(User), rows)


def by_copy(rows: list[dict[str, Any]]) -> None:
    """COPY ... FROM STDIN, which PostgreSQL reads about ten times as fast as INSERTs."""
    connection: Any = db.session.connection().connection.driver_connection
    columns = ", ".join(rows[0])
    with connection.cursor() as cursor, cursor.copy(f"COPY users ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(list(row.values()))
