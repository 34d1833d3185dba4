"""Patterns for texts that mean the same on both databases: case counts, ``\\`` escapes.

SQLite's own LIKE takes ``A`` for ``a`` and knows no escape, so there GLOB is asked.
"""

import re
from typing import Any

from sqlalchemy import Boolean, ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

ESCAPE = "\\"
AS_GLOB = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}


class same_case(FunctionElement[bool]):  # noqa: N801 (as the functions of SQL are called)
    """Whether a text follows a pattern, which is given as LIKE and as GLOB write it."""

    type = Boolean()
    inherit_cache = True


@compiles(same_case)
def _with_like(element: Any, compiler: Any, **options: Any) -> str:
    column, pattern, _ = (compiler.process(each, **options) for each in element.clauses)
    return f"({column} LIKE {pattern})"


@compiles(same_case, "sqlite")
def _with_glob(element: Any, compiler: Any, **options: Any) -> str:
    column, _, pattern = (compiler.process(each, **options) for each in element.clauses)
    return f"({column} GLOB {pattern})"


def like(column: Any, pattern: Any) -> ColumnElement[bool]:
    pattern = text(pattern)
    return same_case(column, pattern, as_glob(pattern))


def ilike(column: Any, pattern: Any) -> ColumnElement[bool]:
    found: ColumnElement[bool] = column.ilike(text(pattern), escape=ESCAPE)
    return found


def plain(value: Any) -> str:
    """A text without any sign that is more than itself.

    >>> print(plain("50%_"))
    50\\%\\_
    """
    return re.sub(r"([%_\\])", r"\\\1", text(value))


def as_glob(pattern: str) -> str:
    r"""A pattern of LIKE as GLOB has it.

    >>> as_glob(r"50\%_*%")
    '50%?[*]*'
    """
    signs = re.findall(r"\\.|.", pattern, re.S)
    return "".join(
        AS_GLOB.get(each, each) if len(each) == 1 else _itself(each[1]) for each in signs
    )


def _itself(sign: str) -> str:
    return f"[{sign}]" if sign in "*?[" else sign


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"Give a text, not {value!r}.")
    return value
