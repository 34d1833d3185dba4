"""Who is signed in: a token in the browser's cookie, its hash in our table."""

from datetime import timedelta
from functools import partial
from typing import Any

from flask import current_app, request, session
from flask_login import current_user, login_user, logout_user
from sqlalchemy import update

from app import told
from app.auth.models import Session
from app.config import Settings
from app.database import now
from app.errors import Stale
from app.extensions import client_address, db, login
from app.told import Told
from app.users.models import User


def begin(user: User, keep: bool) -> None:
    """Sign ``user`` in, and out of whatever this browser had before; commits.

    The id changes, so a planted session is worth nothing. Raises Stale as ``note_arrival`` does.
    """
    note_arrival(user)
    settings: Settings = current_app.config["SETTINGS"]
    idle, longest = lifetimes(settings, keep)
    row, token = Session.begin(user, idle, longest, client_address(), request.user_agent.string)
    db.session.add(row)
    forget_session_before()
    db.session.execute(Session.over_for(user))
    db.session.commit()
    session.clear()
    session.permanent = keep
    user.session_token = token
    login_user(user)


def lifetimes(settings: Settings, keep: bool) -> tuple[timedelta, timedelta]:
    """How long a session lives unused, and at most."""
    kept, short = settings.session_remember_days * 24, settings.session_idle_hours
    return timedelta(hours=kept if keep else short), timedelta(days=settings.session_absolute_days)


def end() -> None:
    """Sign out on the server, not only in the browser; commits."""
    forget_session_before()
    db.session.commit()
    logout_user()
    session.clear()


def forget_session_before() -> None:
    """End the session that this browser came with, if any. The caller commits."""
    token = getattr(current_user, "session_token", None)
    if token:
        db.session.execute(Session.ended_by(token))


def end_all(user: User) -> None:
    """Sign ``user`` out everywhere. The caller commits."""
    db.session.execute(Session.ended_for(user))


def end_others(user: User) -> None:
    """Sign ``user`` out everywhere but here. The caller commits."""
    db.session.execute(Session.ended_but(user, user.session_token or ""))


def keep_only_this(user: User) -> None:
    """Sign ``user`` out everywhere but here, and go on under a new id; commits.

    The cookie changes once that is saved. Raises Stale when this session has just been ended.
    """
    row = db.session.scalar(Session.living(user.session_token or ""))
    if row is None:
        raise Stale
    end_others(user)
    token = row.renew()
    db.session.commit()
    keep = session.permanent
    session.clear()
    session.permanent = keep
    user.session_token = token
    login_user(user)


def confirm(user: User) -> None:
    """Note that ``user`` just gave the password, and go on under a new id; commits.

    Forms that are open stay good. Raises Stale when this session has just been ended.
    """
    row = db.session.scalar(Session.living(user.session_token or ""))
    if row is None:
        raise Stale
    row.confirmed_at = now()
    token = row.renew()
    db.session.commit()
    user.session_token, user.confirmed_until = token, row.confirmed_until
    login_user(user)


def note_arrival(user: User) -> None:
    """Note that ``user`` came in. The caller commits.

    Raises Stale when the password or the standing changed since they were looked at: whoever
    changed them ended every session that there was, and this one would come after that.
    """
    same = (User.password_hash == user.password_hash, User.must_reset.is_(False))
    living = (User.id == user.id, User.active.is_(True), User.deleted_at.is_(None))
    arrived: Any = db.session.execute(update(User).where(*same, *living).values(**seen_now()))
    if arrived.rowcount != 1:
        raise Stale


def upgrade_hash(user: User, password: str) -> None:
    """Hash the right ``password`` with today's parameters. The caller commits.

    Raises Stale when it was changed meanwhile; another sign-in that was faster is no change.
    """
    upgraded: Any = db.session.execute(user.rehashed(password))
    if upgraded.rowcount != 1:
        db.session.refresh(user, ["password_hash"])
        if not user.has_password(password):
            raise Stale


def seen_now() -> dict[str, object]:
    """Only that somebody was here: neither the version nor the time of change moves."""
    return {"last_seen_at": now(), "updated_at": User.updated_at}


@login.user_loader
def load(token: str) -> User | None:
    """The person behind a session token, unless the session or the account has ended.

    One that began while an operator required a reset began with a password nobody trusts.
    """
    row = db.session.scalar(Session.living(token))
    if row is None or row.user.must_reset or not row.user.is_active:
        return None
    user = row.user
    if row.is_stale:
        note_use(row)
    user.session_token, user.confirmed_until = token, row.confirmed_until
    told.leave(as_told(row))
    return user


def as_told(row: Session) -> Told:
    """What of the session those may know who have news; nothing was told before it began."""
    moved = partial(Session.told, row.id, row.created_at, row.told_at)
    return Told(row.told_at or row.created_at, moved)


def note_use(row: Session) -> None:
    """Note that the session is in use; one that just ended elsewhere is left alone; commits."""
    moment = now()
    idle_until = moment + timedelta(seconds=row.idle_seconds)
    used = update(Session).where(Session.id == row.id)
    db.session.execute(used.values(seen_at=moment, idle_until=idle_until))
    db.session.execute(update(User).where(User.id == row.user_id).values(**seen_now()))
    db.session.commit()
