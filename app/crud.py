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
from typing import Any

from pydantic import BaseModel
from sqlalchemy import delete, select, tuple_, update
from werkzeug import exceptions

from app.database import Versioned, now
from app.filters import check_stored, column_of
from app.reads import Many, Reads, Record

__all__ = ["CRUD", "Many", "ManyFound", "NotFound"]

Values = BaseModel | Mapping[str, Any]


class NotFound(exceptions.NotFound):
    """No row is meant by the filters: a 404, where no view catches it."""

    def __str__(self) -> str:
        return self.description or ""


class ManyFound(ValueError):
    """More rows are meant by the filters than was said."""


class CRUD(Reads[Record]):
    """The verbs for one model, in the current session or the one given.

    Filters are keywords (app.filters): ``get(username="bob")``, ``count(created_at__gte=today)``.
    Rows that are soft-deleted are not there, unless ``with_deleted``.
    """

    def create(self, values: Values) -> Record:
        """A new record, flushed: it has its id. Raises IntegrityError, ValueError for a name that
        the model does not have. The defaults of a schema count.
        """
        given = _plain(values, only_set=False)
        for name in given:
            if not hasattr(self.model, name):
                column_of(self.model, name)
        record = self.model(**given)
        self.session.add(record)
        self.session.flush()
        return record

    def update(self, values: Values, *, allow_multiple: bool = False, **filters: Any) -> int:
        """Change the row that is meant; how many were. Also moves ``updated_at`` and ``version``.

        Raises NotFound for none, and for more than one ManyFound unless ``allow_multiple``.
        """
        changes = _plain(values, only_set=True)
        check_stored(self.model, changes)
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
        # By what the database says was changed: Python does not compare texts as it does.
        fetched = statement.execution_options(synchronize_session="fetch")
        done: Any = self.session.execute(fetched)
        if not done.rowcount:
            raise NotFound(f"There is no {self._called(filters)}.")
        return int(done.rowcount)

    def _called(self, filters: Mapping[str, Any]) -> str:
        said = ", ".join(f"{name}={value!r}" for name, value in filters.items())
        return f"{self.model.__name__} with {said}" if said else self.model.__name__


def _plain(values: Values, only_set: bool) -> dict[str, Any]:
    """What a mapping has; what a schema has, or only what was set of it."""
    if isinstance(values, BaseModel):
        return values.model_dump(exclude_unset=only_set)
    return dict(values)
