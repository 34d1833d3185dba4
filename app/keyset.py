"""Where one stands in a list, so that the next page is found by an index and not by counting.

A list that is skipped through row by row costs as much as it is deep. Here a page begins at a key,
the sorted values of the row beside it, which an index finds at once (Markus Winand, "We need tool
support for keyset pagination").
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, literal, tuple_

LARGEST = 2_147_483_647  # that a number in a key or a page can be
LONGEST = 1000  # characters of a cursor

Key = tuple[Any, ...]


@dataclass(frozen=True)
class Order:
    """By what a list is sorted: ``columns`` that are never NULL, of which the last is unique."""

    columns: tuple[Any, ...]
    descending: bool = False

    def sort(self, select: Select[Any], backwards: bool = False) -> Select[Any]:
        """The select in this order, or from its end."""
        down = self.descending != backwards
        columns = (column.desc() if down else column.asc() for column in self.columns)
        return select.order_by(None).order_by(*columns)

    def beyond(self, key: Key, backwards: bool = False) -> ColumnElement[bool]:
        """That a row comes after the one with ``key``, or before it."""
        values = [
            literal(value, column.type) for value, column in zip(key, self.columns, strict=True)
        ]
        here, there = tuple_(*self.columns), tuple_(*values)
        return here < there if self.descending != backwards else here > there

    def keys(self) -> tuple[Any, ...]:
        """The columns of a row's key, to be selected beside it."""
        return tuple(column.label(f"key_{place}") for place, column in enumerate(self.columns))


@dataclass(frozen=True)
class Anchor:
    """A page's number, and the key of its row beside the page that is wanted."""

    number: int
    key: Key

    def __str__(self) -> str:
        """As it stands in an address: opaque, but not secret."""
        told = [each.isoformat() if isinstance(each, datetime) else each for each in self.key]
        text = json.dumps([self.number, *told], ensure_ascii=False, separators=(",", ":"))
        return urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str, order: Order) -> "Anchor | None":
        """What ``str`` wrote for a list in this order; None for everything else."""
        try:
            if not 0 < len(text) <= LONGEST:
                return None
            padded = text + "=" * (-len(text) % 4)
            number, *values = json.loads(urlsafe_b64decode(padded.encode("ascii")))
            key = tuple(
                value_of(value, kind) for value, kind in zip(values, kinds(order), strict=True)
            )
            return cls(value_of(number, int), key)
        except (ValueError, TypeError, OverflowError, RecursionError):
            return None


def kinds(order: Order) -> Sequence[type]:
    return [column.type.python_type for column in order.columns]


def value_of(value: Any, kind: type) -> Any:
    """``value`` as a column of that kind takes it. Raises ValueError for what none would take."""
    if kind is datetime:
        moment = datetime.fromisoformat(value)
        if not moment.tzinfo:
            raise ValueError("a moment without a zone")
        return moment.astimezone(UTC)
    if kind is int and type(value) is int and 0 <= value <= LARGEST:
        return value
    if kind is str and isinstance(value, str) and "\0" not in value.encode().decode():
        return value  # no lone surrogates in it either
    raise ValueError("no key has it")
