"""Links that let somebody without a password in once: signed, short-lived, spent by use."""

import hashlib
import hmac
import uuid
from datetime import timedelta

from flask import current_app
from itsdangerous import BadData, URLSafeTimedSerializer

from app.extensions import db
from app.users.models import User

INVITATION_LASTS = timedelta(days=7)


def _signer(purpose: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.secret_key or "", salt=f"link/{purpose}")


def _state(user: User) -> str:
    """A fingerprint that changes with the password and the address.

    So a used link is spent, and one that went to a wrong address ends when that is corrected.
    """
    facts = f"{user.uuid}/{user.password_hash}/{user.email}"
    return hashlib.sha256(facts.encode()).hexdigest()[:24]


def invitation(user: User) -> str:
    """The token of a link by which ``user`` chooses a first password."""
    return _signer("invitation").dumps([user.uuid.hex, _state(user)])


def invited(token: str) -> User | None:
    """Whom the token invites; None when it is forged, older than 7 days, or already used."""
    try:
        lasts = int(INVITATION_LASTS.total_seconds())
        identifier, state = _signer("invitation").loads(token, max_age=lasts)
        user = db.session.scalar(User.by_uuid(uuid.UUID(hex=identifier)))
    except (BadData, ValueError, TypeError):
        return None
    if user is None or not user.is_active or user.password_hash is not None:
        return None
    return user if hmac.compare_digest(state, _state(user)) else None
