"""How long a list is: exactly while that is cheap, else about, and it is said so.

Whoever types into a search box asks for the number with each key. To count a million rows takes
longer than to find the first page of them.
"""

from dataclasses import dataclass
from math import floor, log10
from typing import Any

from sqlalchemy import Executable, Select, func, literal_column, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

from app import replica
from app.extensions import db
from app.words import count, number

EXACT_UP_TO = 10_000
WITH_WORDS = 1_000  # each row has to be looked at
ONE: Any = literal_column("1")


@dataclass(frozen=True)
class Total:
    """How many there are; if it is not exact, about."""

    number: int
    is_exact: bool = True

    def __str__(self) -> str:
        return number(self.number) if self.is_exact else f"about {number(self.number)}"

    def count(self, noun: str) -> str:
        """Say "1 user", "about 1,200,000 users"."""
        said = count(self.number, noun)
        return said if self.is_exact else f"about {said}"

    def __add__(self, other: "Total") -> "Total":
        both = self.number + other.number
        is_exact = self.is_exact and other.is_exact
        return Total(both if is_exact else two_digits(both), is_exact)


def total(rows: Select[Any], up_to: int | None = None) -> Total:
    """How many rows a select of one table has; an estimate beyond ``up_to``, or EXACT_UP_TO."""
    return totals([rows], up_to)[0]


def totals(lists: list[Select[Any]], up_to: int | None = None) -> list[Total]:
    """How many each of them has: one statement, and one for each that is too long to be counted."""
    most = EXACT_UP_TO if up_to is None else up_to
    bare = [only(each, ONE) for each in lists]
    bounded = [each.limit(most + 1).subquery() for each in bare]
    counts = [select(func.count()).select_from(each).scalar_subquery() for each in bounded]
    found = replica.execute(select(*counts)).one()
    return [
        Total(seen) if seen <= most else Total(estimate(rows, most), is_exact=False)
        for rows, seen in zip(bare, found, strict=True)
    ]


def estimate(rows: Select[Any], most: int) -> int:
    """About how many, to two digits: what PostgreSQL's planner expects; on SQLite as many as there
    would be if the rest of the table were like its first rows. More than ``most``.
    """
    is_sqlite = db.session.get_bind().dialect.name == "sqlite"
    about = by_density(rows, most) if is_sqlite else by_planner(rows)
    return max(two_digits(about), most + 1)


def by_planner(rows: Select[Any]) -> int:
    plan = replica.execute(Explained(rows)).scalar_one()
    return int(plan[0]["Plan"]["Plan Rows"])


def by_density(rows: Select[Any], most: int) -> int:
    table = rows.get_final_froms()[0]
    place: Any = literal_column(f'"{table.name}".rowid')  # type: ignore[attr-defined]
    last = select(func.max(place)).select_from(table).scalar_subquery()
    reached = only(rows, place).order_by(place).offset(most - 1).limit(1).scalar_subquery()
    end, there = db.session.execute(select(last, reached)).one()
    return most * (end or 0) // max(1, there or 1)


def only(rows: Select[Any], column: Any) -> Select[Any]:
    """The same rows in no order, without what they would load."""
    return rows.with_only_columns(column, maintain_column_froms=True).order_by(None)


def two_digits(value: int) -> int:
    step = 10 ** max(0, floor(log10(max(1, value))) - 1)
    return round(value / step) * step


class Explained(Executable, ClauseElement):
    """EXPLAIN, as JSON."""

    inherit_cache = False

    def __init__(self, statement: Select[Any]) -> None:
        self.statement = statement


@compiles(Explained, "postgresql")
def _explain(element: Explained, compiler: SQLCompiler, **options: Any) -> str:
    return "EXPLAIN (FORMAT JSON) " + compiler.process(element.statement, **options)
