"""Conditions from keywords: ``age__gte=18`` is ``age >= 18``. Nothing unknown is ignored."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Column, ColumnElement, and_, inspect, or_

from app.patterns import ilike, like, plain

Condition = ColumnElement[bool]
Columns = type[BaseModel] | Iterable[str]  # a schema's fields, or a list of names
Names = Columns | None
Sorting = str | Iterable[str]

OPERATORS: dict[str, Callable[[Any, Any], Condition]] = {
    "eq": lambda column, value: column == value,
    "ne": lambda column, value: column.is_distinct_from(value),
    "gt": lambda column, value: column > value,
    "gte": lambda column, value: column >= value,
    "lt": lambda column, value: column < value,
    "lte": lambda column, value: column <= value,
    "in": lambda column, value: column.in_(_equals(value)),
    "not_in": lambda column, value: column.not_in(_equals(value)),
    "between": lambda column, value: column.between(*_pair(value)),
    "is": lambda column, value: column.is_(value),
    "is_not": lambda column, value: column.is_not(value),
    "like": like,
    "not_like": lambda column, value: ~like(column, value),
    "ilike": ilike,
    "not_ilike": lambda column, value: ~ilike(column, value),
    "contains": lambda column, value: like(column, f"%{plain(value)}%"),
    "icontains": lambda column, value: ilike(column, f"%{plain(value)}%"),
    "startswith": lambda column, value: like(column, f"{plain(value)}%"),
    "endswith": lambda column, value: like(column, f"%{plain(value)}"),
}


def conditions(model: Any, filters: Mapping[str, Any]) -> list[Condition]:
    """One for each keyword: a column, or a column, two underscores and an operator.

    A bare column is compared with ``=``, None with IS NULL. ``…__or={"lt": 3, "gt": 9}`` is one of
    them, ``…__not={"in": [1, 2]}`` none. The signs of LIKE count only in ``like`` and ``ilike``.
    Raises ValueError for a column or an operator that there is not, naming those that come near.
    """
    return [condition(model, key, value) for key, value in filters.items()]


def condition(model: Any, key: str, value: Any) -> Condition:
    name, parted, operator = key.partition("__")
    column = column_of(model, name)
    if operator in ("or", "not"):
        parts = [_applied(column, each, part) for each, part in _by_operator(key, value).items()]
        return or_(*parts) if operator == "or" else and_(*(~part for part in parts))
    return _applied(column, operator if parted else "eq", value)


def column_of(model: Any, name: str) -> Any:
    """The column of that name. Raises ValueError."""
    columns = inspect(model).columns
    if name not in columns:
        raise ValueError(unknown(f"{model.__name__} has no column", name, columns.keys()))
    return getattr(model, name)


def stored(model: Any) -> dict[str, Any]:
    """The columns that a row has in its table, by name; none that is computed when it is read."""
    columns = inspect(model).columns.items()
    return {name: getattr(model, name) for name, each in columns if isinstance(each, Column)}


def check_stored(model: Any, names: Iterable[str]) -> None:
    """Raise ValueError for a name of no column that can be changed."""
    known = stored(model)
    for name in names:
        if name not in known:
            raise ValueError(unknown(f"{model.__name__} has no column", name, known))


def living(model: Any) -> Condition:
    """That a row is not soft-deleted."""
    return model.deleted_at.is_(None)


def named(model: Any, columns: Names) -> list[Any]:
    """The columns that a schema has as fields, or of these names; all that are stored for None.

    A schema may have fields that are no columns; a name that is none raises ValueError, and so
    do names of nothing at all.
    """
    if columns is None:
        return list(stored(model).values())
    found = [column_of(model, name) for name in _names(model, columns)]
    if not found:
        raise ValueError(f"Nothing of {model.__name__} is named by {columns!r}.")
    return found


def _names(model: Any, columns: Columns) -> list[str]:
    if not isinstance(columns, type):
        return _several(columns)
    known = inspect(model).columns
    return [name for name in columns.model_fields if name in known]


def sorted_by(model: Any, sort: Sorting, columns: Sorting = (), orders: Sorting = ()) -> list[Any]:
    """What ORDER BY is told: names of columns, ``-name`` for descending; or the names and, for
    each, ``asc`` or ``desc``. Raises ValueError.
    """
    names = [*_listed(sort), *_directed(_listed(columns), _listed(orders))]
    found = [(column_of(model, name.removeprefix("-")), name.startswith("-")) for name in names]
    return [column.desc() if down else column.asc() for column, down in found]


def _listed(names: Sorting) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _directed(names: list[str], orders: list[str]) -> list[str]:
    orders = orders or ["asc"] * len(names)
    if len(orders) != len(names) or not {"asc", "desc"}.issuperset(orders):
        raise ValueError("Say asc or desc for each of the columns to sort by.")
    return ["-" * (order == "desc") + name for name, order in zip(names, orders, strict=True)]


def _applied(column: Any, operator: str, value: Any) -> Condition:
    if operator not in OPERATORS:
        raise ValueError(unknown("There is no operator", operator, OPERATORS))
    return OPERATORS[operator](column, value)


def _by_operator(key: str, value: Any) -> Mapping[str, Any]:
    """Never none: what would be left out of the filters is all that keeps other rows safe."""
    if not isinstance(value, Mapping) or not value:
        raise ValueError(f"Give {key} a dict of operators and values, not {value!r}.")
    return value


def _several(value: Any) -> list[Any]:
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise ValueError(f"Give several values in a list, not {value!r}.")
    return list(value)


def _equals(value: Any) -> list[Any]:
    """What a column may equal: NULL equals nothing, and with it ``not_in`` would find no row."""
    values = _several(value)
    if any(each is None for each in values):
        raise ValueError("None equals nothing in a list: ask with is or is_not.")
    return values


def _pair(value: Any) -> list[Any]:
    pair = _several(value)
    if len(pair) != 2:
        raise ValueError(f"Give the lowest and the highest value, not {len(pair)}.")
    return pair


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """ "User has no column 'nmae'. Did you mean name?" """
    names = sorted(known)
    near = difflib.get_close_matches(name, names) or names
    return f"{what} {name!r}. Did you mean {' or '.join(near[:3])}?"
