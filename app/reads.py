"""The reading half of the data verbs (app.crud): each is a select, with what it found."""

from collections.abc import Mapping
from typing import Any, Generic, Literal, TypedDict, TypeVar, overload

from sqlalchemy import Select, and_, func, inspect, select
from sqlalchemy.orm import DeclarativeBase, Session, scoped_session
from sqlalchemy.sql.util import join_condition

from app.database import SoftDeleted
from app.extensions import db
from app.filters import Columns, Names, Sorting, conditions, living, named, sorted_by, unknown

Record = TypeVar("Record", bound=DeclarativeBase)
Item = TypeVar("Item")
Row = dict[str, Any]


class Many(TypedDict, Generic[Item]):
    """A page of rows: records, or a dict for each where columns were named."""

    data: list[Item]
    total_count: int | None
    has_more: bool
    page: int
    items_per_page: int


class Reads(Generic[Record]):
    """What is asked about one model, in the current session or the one given."""

    def __init__(self, model: type[Record], session: Session | None = None) -> None:
        self.model = model
        self._session = session
        self.key = inspect(model).primary_key
        self.is_soft = issubclass(model, SoftDeleted)

    @property
    def session(self) -> Session | scoped_session[Any]:
        return self._session or db.session

    def select(
        self,
        columns: Names = None,
        sort: Sorting = (),
        with_deleted: bool = False,
        *,
        sort_columns: Sorting = (),
        sort_orders: Sorting = (),
        **filters: Any,
    ) -> Select[Any]:
        """The rows as a select, to go on from: records, or only the ``columns``.

        ``sort="-name"`` is ``sort_columns="name", sort_orders="desc"``. Equals are in the order
        of their key.
        """
        what = named(self.model, columns) if columns is not None else [self.model]
        found = select(*what).where(*self._meant(filters, with_deleted))
        return found.order_by(*sorted_by(self.model, sort, sort_columns, sort_orders), *self.key)

    @overload
    def get(
        self, columns: None = None, with_deleted: bool = False, **filters: Any
    ) -> Record | None: ...

    @overload
    def get(self, columns: Columns, with_deleted: bool = False, **filters: Any) -> Row | None: ...

    def get(self, columns: Names = None, with_deleted: bool = False, **filters: Any) -> Any:
        """The first row by its key: the record, or a dict of the ``columns``; None without one.

        One statement.
        """
        found = self.select(columns, with_deleted=with_deleted, **filters).limit(1)
        return next(iter(self._read(found, columns is None)), None)

    @overload
    def get_multi(self, columns: None = None, **options: Any) -> Many[Record]: ...

    @overload
    def get_multi(self, columns: Columns, **options: Any) -> Many[Row]: ...

    def get_multi(
        self,
        columns: Names = None,
        *,
        page: int = 1,
        items_per_page: int = 10,
        offset: int | None = None,
        limit: int | None = None,
        with_total: bool = True,
        with_deleted: bool = False,
        sort: Sorting = (),
        sort_columns: Sorting = (),
        sort_orders: Sorting = (),
        **filters: Any,
    ) -> Many[Any]:
        """A page of rows, by its number or after ``offset`` rows, ``limit`` long.

        Two statements, or one without the total, which is None then.
        """
        part = part_of(page, items_per_page, offset, limit)
        order = {"sort": sort, "sort_columns": sort_columns, "sort_orders": sort_orders}
        found = self.select(columns, with_deleted=with_deleted, **order, **filters)
        total = self.count(with_deleted, **filters) if with_total else None
        return self._page(found, columns is None, total, *part)

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
        with_deleted: bool = False,
        sort: Sorting = (),
        sort_columns: Sorting = (),
        sort_orders: Sorting = (),
        **filters: Any,
    ) -> Select[Any]:
        """The columns of each row beside those of its row of ``join``, whose names begin with
        ``prefix``. Without ``on`` they meet by their foreign key. Filters are about this model.
        A name that both have gets ``_1`` the second time.
        """
        if how not in ("left", "inner"):
            raise ValueError(unknown("There is no join", how, ("left", "inner")))
        theirs = [each.label(prefix + each.key) for each in named(join, join_columns)]
        meet = self._meeting(join, on, issubclass(join, SoftDeleted) and not with_deleted)
        found = select(*named(self.model, columns), *theirs).select_from(self.model)
        found = found.join(join, meet, isouter=how == "left")
        # A row that meets several comes several times: without their key, pages would overlap.
        order = (*sorted_by(self.model, sort, sort_columns, sort_orders), *self.key)
        found = found.order_by(*order, *inspect(join).primary_key)
        return found.where(*self._meant(filters, with_deleted))

    def get_joined(self, join: Any, **options: Any) -> Row | None:
        """The first row and the one it is joined to, as ``select_joined`` has it; one statement."""
        return next(iter(self._read(self.select_joined(join, **options).limit(1), False)), None)

    def get_multi_joined(
        self,
        join: Any,
        *,
        page: int = 1,
        items_per_page: int = 10,
        offset: int | None = None,
        limit: int | None = None,
        **options: Any,
    ) -> Many[Row]:
        """A page of rows with those they are joined to. Two statements."""
        part = part_of(page, items_per_page, offset, limit)
        found = self.select_joined(join, **options)
        counted = select(func.count()).select_from(found.order_by(None).subquery())
        return self._page(found, False, self.session.scalar(counted) or 0, *part)

    # --- Behind them

    def _meant(self, filters: Mapping[str, Any], with_deleted: bool) -> list[Any]:
        found = conditions(self.model, filters)
        return found if with_deleted or not self.is_soft else [*found, living(self.model)]

    def _read(self, found: Select[Any], are_records: bool) -> list[Any]:
        if are_records:
            return list(self.session.scalars(found).unique())
        return [dict(row) for row in self.session.execute(found).mappings()]

    def _page(
        self, found: Select[Any], are_records: bool, total: int | None, skip: int, size: int
    ) -> Many[Any]:
        rows = self._read(found.limit(size + 1).offset(skip), are_records)
        return {
            "data": rows[:size],
            "total_count": total,
            "has_more": len(rows) > size,
            "page": skip // size + 1,
            "items_per_page": size,
        }

    def _meeting(self, join: Any, on: Any, living_only: bool) -> Any:
        meet = join_condition(self.model.__table__, join.__table__) if on is None else on
        return and_(meet, living(join)) if living_only else meet


def part_of(page: int, size: int, offset: int | None, limit: int | None) -> tuple[int, int]:
    """How many rows are passed over, and how many are wanted. Raises ValueError."""
    size = size if limit is None else limit
    skip = (page - 1) * size if offset is None else offset
    if page < 1 or size < 1 or skip < 0:
        raise ValueError("Pages are counted from 1, and hold 1 row or more.")
    if offset is not None and page > 1:
        raise ValueError("Say which page, or how many rows to pass over; not both.")
    return skip, size
