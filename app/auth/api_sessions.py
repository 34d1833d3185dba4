"""Programs that signed in with a password: a session each, an access and a refresh token."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import current_app, request

from app.audit.trail import record
from app.auth.jwt_tokens import ACCESS, REFRESH, Claims, opened, signed
from app.auth.models import API, Session
from app.auth.sessions import note_arrival, note_use
from app.config import Settings
from app.database import now
from app.extensions import client_address, db
from app.users.models import User


@dataclass(frozen=True)
class Tokens:
    """What a program is given: one to act with, and one to get the next pair with."""

    access: str
    refresh: str


def begin(user: User) -> Tokens:
    """Sign a program in as ``user``; commits. Raises Stale as ``note_arrival`` does."""
    note_arrival(user)
    idle, longest = refresh_lifetime(), timedelta(days=_settings().session_absolute_days)
    row, jti = Session.begin(user, idle, longest, client_address(), request.user_agent.string)
    row.kind, row.confirmed_at = API, None
    db.session.add(row)
    db.session.execute(Session.over_for(user))
    record("api.signed_in", actor=user.as_subject)
    db.session.flush()  # gives the session its number
    tokens = pair(row, jti)
    db.session.commit()
    return tokens


def pair(row: Session, jti: str) -> Tokens:
    """An access token, and the refresh token that ``jti`` makes the current one."""
    moment = now()
    short = moment + timedelta(minutes=_settings().access_token_expire_minutes)
    access = Claims(row.user_id, row.sid, secrets.token_urlsafe(16))
    refresh = Claims(row.user_id, row.sid, jti)
    return Tokens(
        signed(ACCESS, access, min(short, row.ends_at)),
        signed(REFRESH, refresh, min(moment + refresh_lifetime(), row.ends_at)),
    )


def rotate(token: str) -> Tokens | None:
    """The next pair for a refresh token, which is spent by this; commits.

    One that was spent before has been copied: the whole sign-in ends (RFC 9700, 4.14.2).
    """
    claims = opened(REFRESH, token)
    row = living(claims)
    if claims is None or row is None:
        return None
    jti = secrets.token_urlsafe(32)
    tokens = pair(row, jti)  # afterwards the row may be gone
    idle_until = min(now() + refresh_lifetime(), row.ends_at)
    rotation: Any = db.session.execute(Session.rotated(row, claims.jti, jti, idle_until))
    if rotation.rowcount != 1:
        end_reused(row)
        return None
    db.session.commit()
    return tokens


def end_reused(row: Session) -> None:
    """End a sign-in one of whose spent tokens came again, and put it on record once; commits."""
    who = row.user.as_subject
    ended: Any = db.session.execute(Session.ended(row))
    if ended.rowcount:
        record("api.reused", who, actor=who)
    db.session.commit()


def living(claims: Claims | None) -> Session | None:
    """The sign-in that a token belongs to, while it lasts and its person may come in."""
    if claims is None:
        return None
    row = db.session.scalar(Session.of_program(number_of(claims), claims.user_id))
    is_it = row is not None and row.sid == claims.sid
    return row if row and is_it and may_come_in(row.user) else None


def number_of(claims: Claims) -> int:
    """The row of the sign-in; 0, which no row has, when the token names none."""
    number = claims.sid.partition("-")[0]
    return int(number) if number.isdecimal() else 0


def may_come_in(user: User) -> bool:
    return user.is_active and not user.must_reset


def holder(token: str) -> User | None:
    """The person an access token acts for."""
    row = living(opened(ACCESS, token))
    if row is None:
        return None
    user = row.user
    if row.is_stale:
        note_use(row)
    return user


def end(kind: str, token: str) -> User | None:
    """End the sign-in of a token; whose it was, None when there was none. The caller commits."""
    row = living(opened(kind, token))
    if row is None:
        return None
    user = row.user
    db.session.execute(Session.ended(row))
    return user


def refresh_lifetime() -> timedelta:
    return timedelta(days=_settings().refresh_token_expire_days)


def _settings() -> Settings:
    settings: Settings = current_app.config["SETTINGS"]
    return settings
