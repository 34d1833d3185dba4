"""Who a program acts for: the token in its Authorization header says so, and nothing else does."""

from flask import Request
from sqlalchemy import update

from app.auth import api_sessions
from app.auth.sessions import seen_now
from app.extensions import client_address, db, login
from app.programs import START
from app.tokens.models import PREFIX, ApiToken
from app.users.models import User


@login.request_loader
def load(request: Request) -> User | None:
    """The person behind the token of a request to the API; pages know no tokens."""
    token = bearer(request) if request.path.startswith(START) else None
    if token is None:
        return None
    return owner(token) if token.startswith(PREFIX) else api_sessions.holder(token)


def bearer(request: Request) -> str | None:
    """The token of the Authorization header (RFC 6750, 2.1); one in the address is no token."""
    sent = request.authorization
    return sent.token if sent is not None and sent.type == "bearer" else None


def owner(token: str) -> User | None:
    """The person who made a personal token, while it lasts and they may come in."""
    row = db.session.scalar(ApiToken.living(token))
    if row is None or not api_sessions.may_come_in(row.user):
        return None
    user, reads_only = row.user, row.scope == "read"
    if row.is_stale:
        note_use(row)
    user.reads_only = reads_only
    return user


def note_use(row: ApiToken) -> None:
    """Note that the token is in use; one that was just revoked is left alone; commits."""
    db.session.execute(update(User).where(User.id == row.user_id).values(**seen_now()))
    db.session.execute(ApiToken.used(row.id, client_address()))
    db.session.commit()
