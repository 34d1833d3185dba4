"""A page of a list: found by a key where the address has one, by its number otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import request
from sqlalchemy import Select

from app import replica
from app.counting import Total
from app.keyset import LARGEST, LONGEST, Anchor, Key, Order
from app.operations import PageOf, Paging, tell
from app.programs import Problem

PER_PAGE = 25
NO_CURSOR = [
    {
        "loc": ["query", "cursor"],
        "msg": "Use the cursor of an answer's Link header about the same list in the same order",
        "type": "value_error",
    }
]


@dataclass(frozen=True)
class Wanted:
    """The page that an address asks for, and from where it is reached."""

    number: int = 1
    cursor: str = ""

    @classmethod
    def by_address(cls) -> "Wanted":
        """Nonsense is page 1, absurd numbers the last page."""
        text = request.args.get("page", "1")
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 1
        return cls(max(1, number), request.args.get("cursor", "")[:LONGEST])

    @property
    def place(self) -> dict[str, Any]:
        """What an address says to come back here."""
        return {"page": self.number, "cursor": self.cursor}


@dataclass(frozen=True)
class Rows:
    """Some rows in their order, each with its key; ``goes_on`` if there are others behind them."""

    rows: Sequence[Any]
    goes_on: bool

    @property
    def items(self) -> list[Any]:
        return [row[0] for row in self.rows]

    def key(self, place: int) -> Key | None:
        return tuple(self.rows[place][1:]) if self.rows else None


def read(
    select: Select[Any], order: Order, size: int, skip: int = 0, backwards: bool = False
) -> Rows:
    """``size`` rows; ``backwards`` they are those nearest to the end."""
    in_order = order.sort(select.add_columns(*order.keys()), backwards).limit(size + 1)
    found = replica.execute(in_order.offset(skip) if skip else in_order).unique().all()
    rows = found[:size]
    return Rows(rows[::-1], True) if backwards else Rows(rows, len(found) > size)


def read_beside(
    select: Select[Any], order: Order, size: int, anchor: Anchor, number: int
) -> Rows | None:
    """The rows of a page that lies before or behind the one of ``anchor``; None if none do."""
    backwards = number < anchor.number
    skip = (abs(number - anchor.number) - 1) * size
    if not 0 <= skip <= LARGEST:
        return None
    part = select.where(order.beyond(anchor.key, backwards))
    rows = read(part, order, size, skip, backwards)
    return rows if rows.rows else None


@dataclass(frozen=True)
class Page:
    """Some of the items of a list, and where they stand in it."""

    items: Sequence[Any]
    number: int
    total: int
    per_page: int = PER_PAGE
    is_exact: bool = True
    before: Key | None = None  # the key of the first item, and of the last one
    after: Key | None = None
    asked: str = ""  # the cursor that led here

    @classmethod
    def of(cls, select: Select[Any], order: Order, total: Total, wanted: Wanted) -> "Page":
        """The page that is wanted; a number past the end is the last page."""
        size, number, anchor = PER_PAGE, wanted.number, Anchor.read(wanted.cursor, order)
        rows = read_beside(select, order, size, anchor, number) if anchor else None
        if rows is None:
            number = min(number, pages_of(total.number, size))
            rows = read_counted(select, order, size, total, number)
        known = corrected(total, number, rows, size)
        edges = (rows.key(0), rows.key(-1), wanted.cursor if anchor else "")
        return cls(rows.items, number, known.number, size, known.is_exact, *edges)

    @property
    def pages(self) -> int:
        return pages_of(self.total, self.per_page)

    @property
    def first(self) -> int:
        return (self.number - 1) * self.per_page + 1 if self.total else 0

    @property
    def last(self) -> int:
        return self.first + len(self.items) - 1 if self.total else 0

    @property
    def in_all(self) -> Total:
        """How many there are, as it is said."""
        return Total(self.total, self.is_exact)

    @property
    def in_pages(self) -> Total:
        return Total(self.pages, self.is_exact)

    @property
    def place(self) -> dict[str, Any]:
        """What an address says to come back to this page."""
        return Wanted(self.number, self.asked).place

    def cursor(self, number: int) -> str | None:
        """From where the page of that number is reached; None where counting rows is cheap: in a
        short list, and at both ends of a long one.
        """
        key = self.after if number > self.number else self.before
        if self.is_exact or key is None or number in (1, self.number, self.pages):
            return None
        return str(Anchor(self.number, key))


def pages_of(total: int, size: int) -> int:
    return max(1, -(-total // size))


def read_counted(select: Select[Any], order: Order, size: int, total: Total, number: int) -> Rows:
    """The rows of a page by its number, counted from the end that is nearer."""
    skip = (number - 1) * size
    behind = total.number - skip
    if behind >= skip or not (total.is_exact or behind <= size):
        return read(select, order, size, skip)
    here = min(size, behind)
    rows = read(select, order, here, behind - here, backwards=True)
    return Rows(rows.rows, behind > here)


def corrected(total: Total, number: int, rows: Rows, size: int) -> Total:
    """An estimate that the rows of a page disprove gives way to what they prove."""
    seen = (number - 1) * size + len(rows.rows)
    if total.is_exact:
        return total
    if not rows.goes_on:
        return Total(seen, is_exact=False)
    return Total(max(total.number, seen + 1), is_exact=False)


def part_of(
    select: Select[Any], order: Order, total: Total, asked: Paging, shape: Any
) -> PageOf[Any]:
    """The page that a program asks for, each item as ``shape``; none past the end."""
    size, number = asked.items_per_page, asked.page
    if asked.cursor:
        anchor = Anchor.read(asked.cursor, order)
        if anchor is None:
            raise Problem(422, NO_CURSOR)
        number = anchor.number + 1
        rows = read_beside(select, order, size, anchor, number) or Rows([], False)
    else:
        rows = read(select, order, size, (number - 1) * size)
    after = rows.key(-1)
    if not total.is_exact:
        tell("Total-Is-Estimate", "true")
    if after and rows.goes_on:
        tell_of_next(Anchor(number, after))
    return PageOf[shape](
        data=[shape.model_validate(item) for item in rows.items],
        total_count=total.number,
        has_more=rows.goes_on,
        page=number,
        items_per_page=size,
    )


def tell_of_next(anchor: Anchor) -> None:
    """Say where the page after ``anchor`` is (RFC 8288)."""
    kept = {name: value for name, value in request.args.items() if name not in ("cursor", "page")}
    tell("Link", f'<{request.base_url}?{urlencode({**kept, "cursor": str(anchor)})}>; rel="next"')
