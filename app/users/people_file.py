"""A CSV file of people: which columns it may have, and its rows with the lines they stand on."""

import csv
import difflib
import io
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO, NamedTuple

from app.users.sheets import as_meant

NEEDED = ("name", "username", "email")
COLUMNS = (*NEEDED, "tier")
IGNORED = ("id", "state", "joined", "last_seen")  # an export has them; a new account cannot
MOST_ROWS = 50_000
MOST_BYTES = 5 * 1024 * 1024
LONGEST_CELL = csv.field_size_limit()
EMPTY = "The file is empty"
NOT_TEXT = "The file is not UTF-8 text. Save it as “CSV UTF-8” and choose it again."


class Unreadable(Exception):
    """The file as a whole cannot be read; ``str`` says why and on which line."""


class Row(NamedTuple):
    """The line that a row begins on, its cells by column, and what is wrong with its shape."""

    line: int
    cells: dict[str, str]
    problem: str = ""


class PeopleFile:
    """Reads ``binary`` once, a row at a time. Raises Unreadable, here for what is wrong on top."""

    def __init__(self, binary: BinaryIO) -> None:
        # newline="": csv has to see line breaks as they are, to keep those in quotes.
        lines = text_lines(io.TextIOWrapper(binary, "utf-8-sig", newline=""))
        first = next(lines, "")
        if not first.strip():
            raise Unreadable("The first line is empty: it names the columns" if first else EMPTY)
        self._csv = csv.reader(chain([first], lines), delimiter=separator_of(first), strict=True)
        self._line = 1
        self.columns = columns_of(self._next() or [])

    @property
    def ignored(self) -> list[str]:
        """The columns that are there and say nothing about a new account."""
        return [column for column in self.columns if column in IGNORED]

    def rows(self) -> Iterator[Row]:
        """Every row that is not blank. Raises Unreadable, also when there are none or too many."""
        found = 0
        while (cells := self._next()) is not None:
            if not any(cell.strip() for cell in cells):
                continue
            found += 1
            if found > MOST_ROWS:
                raise Unreadable(f"The file has more than {MOST_ROWS:,} rows. Split it.")
            yield self._row(cells)
        if not found:
            raise Unreadable("The file has no rows under its first line")

    def _row(self, cells: list[str]) -> Row:
        named = zip(self.columns, map(as_meant, cells), strict=False)
        row = Row(self._line, {column: cell for column, cell in named if column in COLUMNS})
        if len(cells) == len(self.columns):
            return row
        shape = f"The first line has {len(self.columns):,} columns, this row has {len(cells):,}"
        return row._replace(problem=shape)

    def _next(self) -> list[str] | None:
        self._line = self._csv.line_num + 1
        try:
            return next(self._csv, None)
        except csv.Error as error:
            raise Unreadable(f"Line {self._line:,}: {in_words(error)}") from None


def text_lines(file: io.TextIOWrapper) -> Iterator[str]:
    try:
        for line in file:
            if "\0" in line:
                raise Unreadable(NOT_TEXT)
            yield line
    except UnicodeError:
        raise Unreadable(NOT_TEXT) from None


def separator_of(first: str) -> str:
    """What stands between the cells: spreadsheets write what is usual where they are."""
    return ";" if first.count(";") > first.count(",") else ","


def in_words(error: csv.Error) -> str:
    if "field larger" in str(error):
        return f"a cell has more than {LONGEST_CELL:,} characters, or a quote is not closed"
    return "the quotes are not closed properly"


def columns_of(cells: list[str]) -> list[str]:
    """The names on the first line as we know them. Raises Unreadable."""
    columns = ["_".join(cell.lower().split()) for cell in cells]
    if "" in columns:
        raise Unreadable(f"Column {columns.index('') + 1:,} has no name on the first line")
    unknown = [column for column in columns if column not in (*COLUMNS, *IGNORED)]
    if unknown:
        raise Unreadable(told_unknown(unknown))
    twice = [column for at, column in enumerate(columns[:9]) if column in columns[:at]]
    if twice:  # nine cannot all be different, however many there are
        raise Unreadable(f"The column {twice[0]} is there twice")
    missing = [column for column in NEEDED if column not in columns]
    if missing:
        raise Unreadable(f"The first line names no column {missing[0]}")
    return columns


def told_unknown(unknown: list[str]) -> str:
    shown = ", ".join(f"“{shortened(column)}”" for column in unknown[:3])
    more = f" and {len(unknown) - 3:,} more" if len(unknown) > 3 else ""
    noun = "Unknown column" if len(unknown) == 1 else "Unknown columns"
    near = nearest(unknown[0], COLUMNS)
    help_ = f"Did you mean {near}?" if near else f"Use {', '.join(NEEDED)} and, if wanted, tier."
    return f"{noun} {shown}{more}. {help_}"


def nearest(word: str, known: tuple[str, ...]) -> str:
    return next(iter(difflib.get_close_matches(word[:100], known, n=1)), "")


def shortened(text: str) -> str:
    """What was written in a cell, fit to be repeated in a sentence."""
    plain = "".join(sign if sign.isprintable() else " " for sign in text[:41])
    return plain if len(plain) < 41 else plain[:40] + "…"


def rows_in(binary: BinaryIO) -> int:
    """How many rows the file has. Raises Unreadable for whatever keeps it from being read."""
    return sum(1 for _ in PeopleFile(binary).rows())
