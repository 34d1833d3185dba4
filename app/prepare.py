"""Making a database ready: migrations, the first tier, the first admin."""

import logging
import secrets
from collections.abc import Callable

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import select

from app.config import PROJECT_ROOT, Settings
from app.extensions import db
from app.tiers.models import Tier
from app.users.models import User

Say = Callable[[str], object]


def prepare(app: Flask, say: Say) -> None:
    """Migrate, then make the first tier and the first admin; says what it did.

    Idempotent: what is there already is left alone and not mentioned.
    """
    settings: Settings = app.config["SETTINGS"]
    with app.app_context():
        migrate(say)
        make_first_tier(settings, say)
        make_first_admin(settings, say)


def migrate(say: Say) -> None:
    if is_current():
        return
    quiet = logging.getLogger("alembic")
    quiet.setLevel(logging.WARNING)
    upgrade(directory=str(PROJECT_ROOT / "migrations"))
    say("The database is up to date.")


def is_current() -> bool:
    """Whether every migration has been applied, without loading their code."""
    heads = ScriptDirectory(str(PROJECT_ROOT / "migrations")).get_heads()
    with db.engine.connect() as connection:
        return set(MigrationContext.configure(connection).get_current_heads()) == set(heads)


def make_first_tier(settings: Settings, say: Say) -> None:
    if db.session.scalar(Tier.by_name(settings.tier_name)) is None:
        db.session.add(Tier(name=settings.tier_name))
        db.session.commit()
        say(f"Made the first tier: {settings.tier_name}")


def make_first_admin(settings: Settings, say: Say) -> None:
    """A superuser from ADMIN_*, unless there is one already."""
    if db.session.scalar(select(User.id).where(User.is_superuser.is_(True)).limit(1)):
        return
    given = settings.admin_password
    password = given.get_secret_value() if given else secrets.token_urlsafe(12)
    user = User(
        name=settings.admin_name,
        username=settings.admin_username,
        email=str(settings.admin_email).lower(),
        is_superuser=True,
    )
    user.set_password(password)
    db.session.add(user)
    db.session.commit()
    say(f"Made the first admin: {user.username}")
    if given is None:
        say(f"    Sign in with this password, it is shown only once: {password}")
