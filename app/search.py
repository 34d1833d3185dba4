"""Finding rows by words, without reading a million of them for each key that is typed.

On PostgreSQL trigrams of the words are indexed (pg_trgm), so any part of a word is found. Where
there are none (SQLite; a database that does not allow the extension) the newest rows are looked
through, and of older ones those that are called exactly so are found: ``is_bounded`` says it.
"""

from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, and_, func, literal_column, or_, select, text

from app.extensions import db

NEWEST = 100_000
MOST_WORDS = 5
GAP: ColumnElement[str] = literal_column("' '")


def text_of(*columns: Any) -> ColumnElement[str]:
    """What is looked through, as the index of that table has it: a space before each column."""
    first, *others = columns
    whole: ColumnElement[str] = GAP.concat(first)
    for column in others:
        whole = whole.concat(GAP).concat(column)
    return whole


def index_name(table: str) -> str:
    return f"ix_{table}_trigrams"


def is_indexed(table: str) -> bool:
    """Whether its words are indexed; each process asks once."""
    known: dict[str, bool] = current_app.extensions.setdefault("trigrams", {})
    if table not in known:
        known[table] = _has_index(table)
    return known[table]


def _has_index(table: str) -> bool:
    if db.session.get_bind().dialect.name != "postgresql":
        return False
    asked = text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")
    return bool(db.session.scalar(asked, {"name": index_name(table)}))


def is_bounded(model: Any) -> bool:
    """Whether a search may pass over old rows of this table."""
    if is_indexed(model.__tablename__):
        return False
    return (db.session.scalar(select(func.max(model.id))) or 0) > NEWEST


def matching(
    model: Any, q: str, looked_through: ColumnElement[str], *exactly: Any
) -> list[ColumnElement[bool]]:
    """The conditions that a row has every word of ``q``: in ``looked_through``, a ``text_of`` that
    is in lower case; or is called so in one of the columns ``exactly``, which have an index.
    """
    words = q.lower().split()[:MOST_WORDS]
    if is_indexed(model.__tablename__):
        return [has_part(looked_through, word) for word in words]
    newest = model.id > select(func.max(model.id)).scalar_subquery() - NEWEST
    return [
        or_(
            and_(newest, looked_through.contains(word, autoescape=True)),
            *(column == word for column in exactly),
        )
        for word in words
    ]


def has_part(looked_through: ColumnElement[str], word: str) -> ColumnElement[bool]:
    """Fewer than three letters have no trigram of their own, but at the start of a word they do."""
    start = " " if len(word) < 3 and word.isalnum() else ""
    return looked_through.contains(start + word, autoescape=True)
