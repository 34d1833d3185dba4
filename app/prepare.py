"""Making a database ready: migrations, the first tier, the first admin."""

import logging
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import upgrade
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from app.audit.trail import record
from app.config import PROJECT_ROOT, InvalidSettings, Settings
from app.extensions import db
from app.forms import sentence_of
from app.tiers import deeds as tier_deeds
from app.tiers.checks import warn
from app.tiers.models import Tier
from app.tiers.rules import TierName
from app.users.models import User
from app.users.rules import EmailAddress, Password, PersonName, Username

Say = Callable[[str], object]
LOCK = 7_203_114  # any number that no other program locks in this database
PATIENCE_SECONDS = 300


def prepare(app: Flask, say: Say) -> None:
    """Migrate, then make the first tier and the first admin; says what it did.

    Idempotent: what is there already is left alone and not mentioned. Of several at once, one
    works and the others wait, then find everything done.
    """
    settings: Settings = app.config["SETTINGS"]
    check_rules(settings)
    with app.app_context(), alone():
        migrate(say)
        make_first_tier(settings, say)
        make_first_admin(settings, say)
        warn(say)


def check_rules(settings: Settings) -> None:
    """The first tier and admin follow the rules of the pages. Raises InvalidSettings otherwise."""
    given = settings.admin_password
    wanted = [
        ("TIER_NAME", TierName, settings.tier_name),
        ("ADMIN_NAME", PersonName, settings.admin_name),
        ("ADMIN_USERNAME", Username, settings.admin_username),
        ("ADMIN_EMAIL", EmailAddress, str(settings.admin_email)),
        *([("ADMIN_PASSWORD", Password, given.get_secret_value())] if given else []),
    ]
    problems = []
    for name, rule, value in wanted:
        try:
            TypeAdapter(rule).validate_python(value)
        except ValidationError as error:
            problems.append(f"{name} cannot be used: {sentence_of(error)}.")
    if problems:
        raise InvalidSettings(problems)


@contextmanager
def alone() -> Iterator[None]:
    """Hold the only right to prepare this database; it ends with the process at the latest."""
    if db.engine.dialect.name == "sqlite":
        # A file beside the database: a lock on the database itself would stop our own work.
        file = f"{db.engine.url.database}-prepare"
        holder = sqlite3.connect(file, timeout=PATIENCE_SECONDS, isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            holder.close()
        return
    with db.engine.connect() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK})


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
    """The tier that TIER_NAME says, unless there is one already, whatever it is called by now."""
    if db.session.scalar(select(Tier.id).limit(1)) is None:
        tier_deeds.add(Tier(name=settings.tier_name))
        db.session.commit()
        say(f"Made the first tier: {settings.tier_name}")


def make_first_admin(settings: Settings, say: Say) -> None:
    """A superuser from ADMIN_*, unless there is one already."""
    if db.session.scalar(select(User.id).where(User.is_superuser.is_(True)).limit(1)):
        return
    given = settings.admin_password
    password = given.get_secret_value() if given else secrets.token_urlsafe(16)
    user = User(
        name=settings.admin_name,
        username=settings.admin_username,
        email=str(settings.admin_email).lower(),
        is_superuser=True,
    )
    user.set_password(password)
    db.session.add(user)
    try:
        db.session.flush()
        record("account.created", user.as_subject, changes={"operator": ("no", "yes")})
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        say("There is no admin: ADMIN_USERNAME or ADMIN_EMAIL belongs to somebody else.")
        return
    say(f"Made the first admin: {user.username}")
    if given is None:
        say(f"    Sign in with this password, it is shown only once: {password}")
