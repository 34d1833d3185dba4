"""Expressions to sort by that an index can hold, and that are never NULL, on both databases."""

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from app.database import UTCDateTime


class caseless(FunctionElement[str]):  # noqa: N801 (as the functions of SQL are called)
    """A text without regard to capitals. On SQLite those of ASCII: an index must not depend on a
    function that only this application has.
    """

    type = String()
    inherit_cache = True


@compiles(caseless, "postgresql")
def _lower(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    return f"lower({compiler.process(element.clauses, **options)})"


@compiles(caseless, "sqlite")
def _no_case(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    return f"{compiler.process(element.clauses, **options)} COLLATE NOCASE"


class long_ago(FunctionElement[datetime]):  # noqa: N801
    """The moment that stands for never: an index needs it written out."""

    type = UTCDateTime()
    inherit_cache = True


@compiles(long_ago, "postgresql")
def _with_zone(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    return "'1970-01-01 00:00:00+00'::timestamptz"


@compiles(long_ago, "sqlite")
def _as_text(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    return "'1970-01-01 00:00:00.000000'"


LONG_AGO = long_ago()
