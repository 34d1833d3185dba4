"""The usual verbs for any model: get, get_multi, create, exists, count, update, delete, db_delete.

For whoever would rather not write selects; whoever would gets them, from ``select`` and
``select_joined``. Nothing here commits: the door does (docs/adr/0004-commit-at-the-door.md).

>>> users = CRUD(User)
>>> users.create({"name": "Ada", "username": "ada", "email": "ada@example.com"}).id
1
>>> users.get(["name", "email"], username="ada")
{'name': 'Ada', 'email': 'ada@example.com'}
>>> users.update({"name": "Ada Lovelace"}, username="ada")
1
>>> users.get(nmae="Ada")
Traceback (most recent call last):
    ...
ValueError: User has no column 'nmae'. Did you mean name?

More of them: docs/data.md.
"""

from collections.abc import Mapping
from typing import Any, Generic, Literal, TypedDict, TypeVar

from pydantic import BaseModel
from sqlalchemy import Select, and_, delete, func, inspect, select, tuple_, update
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.sql.util import join_condition
from werkzeug import exceptions

from app.database import SoftDeleted, Versioned, now
from app.extensions import db
from app.filters import Names, Sorting, column_of, conditions, living, named, sorted_by

Record = TypeVar("Record", bound=DeclarativeBase)
Values = BaseModel | Mapping[str, Any]


class NotFound(exceptions.NotFound):
    """No row is meant by the filters: a 404, where no view catches it."""

    def __str__(self) -> str:
        return self.description or ""


class ManyFound(ValueError):
    """More rows are meant by the filters than was said."""


class Many(TypedDict):
    """A page of rows: records, or a dict for each where columns were named."""

    data: list[Any]
    total_count: int | None
    has_more: bool
    page: int
    items_per_page: int


class CRUD(Generic[Record]):
    """The verbs for one model, in the current session or the one given.

    Filters are keywords (app.filters): ``get(username="bob")``, ``count(created_at__gte=today)``.
    Rows that are soft-deleted are not there, unless ``with_deleted``.
    """

    def __init__(self, model: type[Record], session: Session | None = None) -> None:
        self.model = model
        self._session = session
        self.key = inspect(model).primary_key
        self.is_soft = issubclass(model, SoftDeleted)

    @property
    def session(self) -> Any:
        return self._session or db.session

    # --- Reading

    def select(
        self, columns: Names = None, sort: Sorting = (), with_deleted: bool = False, **filters: Any
    ) -> Select[Any]:
        """The rows as a select, to go on from: records, or only the ``columns``."""
        what = named(self.model, columns) if columns is not None else [self.model]
        found = select(*what).where(*self._meant(filters, with_deleted))
        return found.order_by(*self._order(sort))

    def get(self, columns: Names = None, with_deleted: bool = False, **filters: Any) -> Any:
        """The first row by its key: the record, or a dict of the ``columns``; None without one.

        One statement.
        """
        found = self.select(columns, with_deleted=with_deleted, **filters).limit(1)
        return next(iter(self._read(found, columns is None)), None)

    def get_multi(
        self,
        columns: Names = None,
        *,
        page: int = 1,
        items_per_page: int = 10,
        sort: Sorting = (),
        with_total: bool = True,
        with_deleted: bool = False,
        **filters: Any,
    ) -> Many:
        """A page of rows. Two statements, or one without the total, which is None then."""
        found = self.select(columns, sort, with_deleted, **filters)
        total = self.count(with_deleted, **filters) if with_total else None
        return self._page(found, columns is None, total, page, items_per_page)

    def exists(self, with_deleted: bool = False, **filters: Any) -> bool:
        meant = self._meant(filters, with_deleted)
        return bool(self.session.scalar(select(select(self.key[0]).where(*meant).exists())))

    def count(self, with_deleted: bool = False, **filters: Any) -> int:
        meant = self._meant(filters, with_deleted)
        return self.session.scalar(select(func.count()).select_from(self.model).where(*meant)) or 0

    def select_joined(
        self,
        join: Any,
        *,
        on: Any = None,
        prefix: str = "",
        how: Literal["left", "inner"] = "left",
        columns: Names = None,
        join_columns: Names = None,
        sort: Sorting = (),
        with_deleted: bool = False,
        **filters: Any,
    ) -> Select[Any]:
        """The columns of each row beside those of its row of ``join``, whose names begin with
        ``prefix``. Without ``on`` they meet by their foreign key. Filters are about this model.
        """
        theirs = [each.label(prefix + each.key) for each in named(join, join_columns)]
        meet = self._meeting(join, on, issubclass(join, SoftDeleted) and not with_deleted)
        found = select(*named(self.model, columns), *theirs).select_from(self.model)
        found = found.join(join, meet, isouter=how == "left")
        return found.where(*self._meant(filters, with_deleted)).order_by(*self._order(sort))

    def get_joined(self, join: Any, **options: Any) -> dict[str, Any] | None:
        """The first row and the one it is joined to, as ``select_joined`` has it; one statement."""
        return next(iter(self._read(self.select_joined(join, **options).limit(1), False)), None)

    def get_multi_joined(
        self, join: Any, *, page: int = 1, items_per_page: int = 10, **options: Any
    ) -> Many:
        """A page of rows with those they are joined to. Two statements."""
        found = self.select_joined(join, **options)
        total = self.session.scalar(
            select(func.count()).select_from(found.order_by(None).subquery())
        )
        return self._page(found, False, total or 0, page, items_per_page)

    # --- Changing

    def create(self, values: Values) -> Record:
        """A new record, flushed: it has its id. Raises IntegrityError."""
        record = self.model(**_plain(values))
        self.session.add(record)
        self.session.flush()
        return record

    def update(self, values: Values, *, allow_multiple: bool = False, **filters: Any) -> int:
        """Change the row that is meant; how many were. Also moves ``updated_at`` and ``version``.

        Raises NotFound for none, and for more than one ManyFound unless ``allow_multiple``.
        """
        changes = _plain(values)
        for name in changes:
            column_of(self.model, name)
        if issubclass(self.model, Versioned):
            changes.setdefault("version", self.model.version + 1)
        meant = self._sure(filters, allow_multiple)
        return self._done(update(self.model).where(*meant).values(changes), filters)

    def delete(self, *, allow_multiple: bool = False, **filters: Any) -> int:
        """Take a row out of sight if the model is soft-deletable, else out of the table.

        Raises as ``update`` does.
        """
        if self.is_soft:
            return self.update({"deleted_at": now()}, allow_multiple=allow_multiple, **filters)
        return self.db_delete(allow_multiple=allow_multiple, **filters)

    def db_delete(self, *, allow_multiple: bool = False, **filters: Any) -> int:
        """Take a row out of the table, whether it was soft-deleted or not. Raises as ``update``."""
        meant = self._sure(filters, allow_multiple, with_deleted=True)
        return self._done(delete(self.model).where(*meant), filters)

    # --- Behind them

    def _meant(self, filters: Mapping[str, Any], with_deleted: bool) -> list[Any]:
        found = conditions(self.model, filters)
        return found if with_deleted or not self.is_soft else [*found, living(self.model)]

    def _sure(
        self, filters: Mapping[str, Any], allow_multiple: bool, with_deleted: bool = False
    ) -> list[Any]:
        """What to change: all that is meant, or the one row, held until the transaction ends."""
        meant = self._meant(filters, with_deleted)
        if allow_multiple:
            return meant
        rows = self.session.execute(select(*self.key).where(*meant).limit(2).with_for_update())
        keys = rows.all()
        if len(keys) > 1:
            raise ManyFound(f"There are several {self._called(filters)}. Say allow_multiple=True.")
        return [*meant, tuple_(*self.key).in_([tuple(key) for key in keys])]

    def _done(self, statement: Any, filters: Mapping[str, Any]) -> int:
        many = int(self.session.execute(statement).rowcount)
        if not many:
            raise NotFound(f"There is no {self._called(filters)}.")
        return many

    def _called(self, filters: Mapping[str, Any]) -> str:
        said = ", ".join(f"{name}={value!r}" for name, value in filters.items())
        return f"{self.model.__name__} with {said}" if said else self.model.__name__

    def _order(self, sort: Sorting) -> list[Any]:
        return [*sorted_by(self.model, sort), *self.key]

    def _read(self, found: Select[Any], are_records: bool) -> list[Any]:
        if are_records:
            return list(self.session.scalars(found).unique())
        return [dict(row) for row in self.session.execute(found).mappings()]

    def _page(
        self, found: Select[Any], are_records: bool, total: int | None, page: int, size: int
    ) -> Many:
        if page < 1 or size < 1:
            raise ValueError("Pages are counted from 1, and hold 1 row or more.")
        rows = self._read(found.limit(size + 1).offset((page - 1) * size), are_records)
        return {
            "data": rows[:size],
            "total_count": total,
            "has_more": len(rows) > size,
            "page": page,
            "items_per_page": size,
        }

    def _meeting(self, join: Any, on: Any, living_only: bool) -> Any:
        meet = join_condition(self.model.__table__, join.__table__) if on is None else on
        return and_(meet, living(join)) if living_only else meet


def _plain(values: Values) -> dict[str, Any]:
    """What was set, by name."""
    return values.model_dump(exclude_unset=True) if isinstance(values, BaseModel) else dict(values)
