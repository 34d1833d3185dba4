"""People from a file: each row is looked at first, then all of them are added at once."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import IO, Any, NamedTuple, TypeVar

from flask import current_app
from sqlalchemy import insert, select

from app.audit.models import Subject
from app.audit.trail import record
from app.extensions import db
from app.tiers.models import Tier
from app.users import rules
from app.users.deeds import TAKEN
from app.users.models import User
from app.users.people_file import NEEDED, Row, nearest, shortened

BATCH = 500
RULES = {"name": rules.person_name, "username": rules.username, "email": rules.email_address}
UNIQUE = {"username": User.username, "email": User.email}


T = TypeVar("T")


def batched(things: Iterable[T]) -> Iterator[list[T]]:
    """Some at a time, as many as are looked up or stored at once."""
    rest = iter(things)
    while batch := list(islice(rest, BATCH)):
        yield batch


class Problem(NamedTuple):
    line: int
    field: str
    sentence: str


class Person(NamedTuple):
    """What a row says, as it is going to be stored."""

    line: int
    name: str
    username: str
    email: str
    tier_id: int | None
    tier: str


class Check:
    """Looks at the rows of one file by the rules of the form, and for names that are taken.

    It remembers the usernames and addresses it saw: the one thing that grows with the file.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self._tiers = Tiers(by_default="tier" not in columns)
        self._seen: dict[str, dict[str, int]] = {field: {} for field in UNIQUE}

    def look(self, rows: Sequence[Row]) -> Iterator[tuple[Person | None, list[Problem]]]:
        """Each row's person, or what is wrong with it."""
        read = [self._read(row) for row in rows]
        taken = {field: taken_among(field, read) for field in UNIQUE}
        for row, (values, problems) in zip(rows, read, strict=True):
            problems += self._not_unique(row.line, values, taken)
            yield None if problems else Person(row.line, **values), problems

    def _read(self, row: Row) -> tuple[dict[str, Any], list[Problem]]:
        if row.problem:
            return {}, [Problem(row.line, "", row.problem)]
        values: dict[str, Any] = {}
        problems = []
        for field in (*NEEDED, "tier"):
            try:
                values |= self._value(field, row.cells.get(field, ""))
            except ValueError as error:
                problems.append(Problem(row.line, field, str(error)))
        return values, problems

    def _value(self, field: str, cell: str) -> dict[str, Any]:
        return self._tiers.find(cell) if field == "tier" else {field: RULES[field](cell)}

    def _not_unique(
        self, line: int, values: dict[str, Any], taken: dict[str, set[str]]
    ) -> Iterator[Problem]:
        for field, seen in self._seen.items():
            value = values.get(field)
            if value is None:
                continue
            first = seen.setdefault(value, line)
            if first != line:
                yield Problem(line, field, f"Line {first:,} has the same {field}")
            elif value in taken[field]:
                yield Problem(line, field, TAKEN.get(field, f"{value} is taken"))


def taken_among(field: str, read: Sequence[tuple[dict[str, Any], list[Problem]]]) -> set[str]:
    """Which of the values living people have already: one query for all of them."""
    wanted = [values[field] for values, _ in read if field in values]
    column = UNIQUE[field]
    there = select(column).where(column.in_(wanted), User.deleted_at.is_(None))
    return set(db.session.scalars(there)) if wanted else set()


class Tiers:
    """The tiers by name. Without a column for them everybody begins where new people do."""

    def __init__(self, by_default: bool) -> None:
        self._known = {name: key for key, name in db.session.execute(select(Tier.id, Tier.name))}
        first = current_app.config["SETTINGS"].tier_name
        self._otherwise = first if by_default and first in self._known else ""

    def find(self, cell: str) -> dict[str, Any]:
        """The tier of that name, in capitals or not; none for an empty cell. Raises ValueError."""
        asked = cell.strip() or self._otherwise
        same = [name for name in self._known if name.lower() == asked.lower()]
        name = asked if asked in self._known or len(same) != 1 else same[0]
        if name and name not in self._known:
            near = nearest(name.lower(), tuple(self._known))
            help_ = f"Did you mean {near}?" if near else "Leave it empty for no tier."
            raise ValueError(f"There is no tier “{shortened(name)}”. {help_}")
        return {"tier": name, "tier_id": self._known.get(name)}


class Kept:
    """People who are in order, put aside in a file until all rows are."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self.total = 0

    def put(self, person: Person) -> None:
        self._file.write(json.dumps(person) + "\n")
        self.total += 1

    def __iter__(self) -> Iterator[Person]:
        self._file.seek(0)
        return (Person(*json.loads(line)) for line in self._file)


def add_all(
    people: Iterable[Person], actor: Subject, detail: str, moment: datetime
) -> Iterator[list[int]]:
    """Add people, on record; gives the ids of each batch. The caller commits, or none is there.

    Raises IntegrityError when a name was taken since it was looked at, or a tier is gone.
    """
    for batch in batched(people):
        added = insert(User).returning(User.id, sort_by_parameter_order=True)
        ids = list(db.session.scalars(added, [columns_of(each, moment) for each in batch]))
        for identifier, person in zip(ids, batch, strict=True):
            subject = Subject("user", identifier, person.name)
            tier = {"tier": (None, person.tier)} if person.tier else {}
            record("account.created", subject, actor=actor, detail=detail, changes={**tier})
        entries = list(db.session.new)
        db.session.expunge_all()
        db.session.bulk_save_objects(entries)  # nobody asks for their ids: twice as fast
        yield ids


def columns_of(person: Person, moment: datetime) -> dict[str, Any]:
    fields = ("name", "username", "email", "tier_id")
    return {**{field: getattr(person, field) for field in fields}, "created_at": moment}
