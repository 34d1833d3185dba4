"""What the database holds about people, read and changed behind the doors' back."""

from collections.abc import Collection
from typing import Any

from flask import Flask
from sqlalchemy import Table, select

from app.extensions import db
from app.tiers.models import Tier
from app.users.models import User
from tests.people import person


def saved(app: Flask, username: str) -> User:
    """The living person of that name, else the one deleted last, as stored now."""
    with app.app_context():
        user = db.session.scalars(User.any_by_username(username)).unique().one()
        db.session.expunge(user)
        return user


def exists(app: Flask, username: str) -> bool:
    """Whether anybody, living or deleted, has that name."""
    with app.app_context():
        return db.session.scalar(User.any_by_username(username)) is not None


def change(app: Flask, username: str, **values: Any) -> None:
    """Somebody else changes the person meanwhile; ``tier`` is a tier's name."""
    with app.app_context():
        user = db.session.scalars(User.by_username(username)).unique().one()
        for name, value in values.items():
            setattr(user, name, tier_named(value) if name == "tier" else value)
        db.session.commit()


def add(app: Flask, username: str, name: str = "", tier: str = "", **values: Any) -> User:
    """One more person, who can sign in with PASSWORD."""
    with app.app_context():
        user = person(username, name, tier_named(tier) if tier else None)
        for key, value in values.items():
            setattr(user, key, value)
        db.session.add(user)
        db.session.commit()
    return saved(app, username)


def tier_named(name: str) -> Tier:
    return db.session.scalars(Tier.by_name(name)).one()


def everything(app: Flask, but: Collection[str] = ()) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, without the columns that are called as in ``but``."""
    with app.app_context():
        return {
            table.name: sorted(map(repr, db.session.execute(kept_columns(table, but)).all()))
            for table in db.metadata.sorted_tables
        }


def kept_columns(table: Table, but: Collection[str]) -> Any:
    return select(*(column for column in table.columns if column.name not in but))
