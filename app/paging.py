"""A page of a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import request
from sqlalchemy import Select

from app.extensions import db
from app.operations import PageOf, Paging

PER_PAGE = 25


def page_number() -> int:
    """The page that the address asks for; nonsense is page 1, absurd numbers the last page."""
    text = request.args.get("page", "1")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else 1


@dataclass(frozen=True)
class Page:
    """Some of the items of a list, and where they stand in it."""

    items: Sequence[Any]
    number: int
    total: int
    per_page: int

    @classmethod
    def of(cls, select: Select[Any], total: int, number: int, per_page: int = PER_PAGE) -> "Page":
        """Run ``select`` for one page; a number past the end is the last page."""
        pages = max(1, -(-total // per_page))
        number = min(number, pages)
        items = db.session.scalars(select.limit(per_page).offset((number - 1) * per_page))
        return cls(items.unique().all(), number, total, per_page)

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.per_page))

    @property
    def first(self) -> int:
        return (self.number - 1) * self.per_page + 1 if self.total else 0

    @property
    def last(self) -> int:
        return self.first + len(self.items) - 1 if self.total else 0


def part_of(select: Select[Any], total: int, asked: Paging, shape: Any) -> PageOf[Any]:
    """The page that a program asks for, each item as ``shape``; none past the end."""
    start = (asked.page - 1) * asked.items_per_page
    items = db.session.scalars(select.limit(asked.items_per_page).offset(start))
    return PageOf[shape](
        data=[shape.model_validate(item) for item in items.unique()],
        total_count=total,
        has_more=start + asked.items_per_page < total,
        page=asked.page,
        items_per_page=asked.items_per_page,
    )
