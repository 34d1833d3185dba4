"""Links and steps that work once: made, found and spent here.

An invitation is a signed link, since an operator's page shows it again and again; everything
else is a row of ``one_time_tokens``.
"""

import hashlib
import hmac
import uuid
from datetime import timedelta
from typing import Any

from flask import current_app
from itsdangerous import BadData, URLSafeTimedSerializer

from app.counters import Window
from app.errors import Missing
from app.extensions import counters, db
from app.users.models import User
from app.users.one_time import MOST_TRIES, OneTimeToken, fingerprint

DAY_SECONDS = 86400
INVITATION_LASTS = timedelta(days=7)
# How long each kind of token lives.
LASTS = {
    "sign-up": timedelta(hours=24),
    "confirm": timedelta(hours=24),
    "email": timedelta(hours=1),
    "reset": timedelta(hours=1),
    "factor": timedelta(minutes=10),
    "sign-in": timedelta(minutes=5),
    "passkey": timedelta(minutes=5),
    "app": timedelta(minutes=15),
}


class DeadLink(Missing):
    """A link that was used or is too old; ``again`` is where to get another, as words and URL."""

    page = "dead_link.html"

    def __init__(self, sentence: str, again: tuple[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.again = again


def issue(purpose: str, user: User | None, **payload: Any) -> str:
    """A token for ``purpose``, bound to the account as it is now. The caller commits."""
    row = OneTimeToken.about(purpose, user, LASTS[purpose], **payload)
    token = row.renew()
    db.session.add(row)
    return token


def find(purpose: str, token: str) -> OneTimeToken | None:
    """The living row of ``token``; None when it is unknown, old, spent, or the account changed.

    Looking changes nothing, so a scanner that follows links in mails spends none.
    """
    row = db.session.scalar(OneTimeToken.living(purpose, token))
    if row is None or not row.fits:
        return None
    return row if row.user is None or row.user.is_active else None


def spend(row: OneTimeToken) -> bool:
    """Use up ``row``: True for exactly one of several at once. The caller commits."""
    spent = db.session.execute(
        OneTimeToken.spent(row.id).execution_options(synchronize_session=False)
    )
    db.session.expunge(row)
    return bool(spent.rowcount)  # type: ignore[attr-defined]


def take_answer(row: OneTimeToken) -> bool:
    """Take one of the few answers that ``row`` is good for, before it is looked at: of many that
    are sent at once not one too many is. The row counts the wrong ones, for as long as it lives.
    """
    window = Window.at(counters.now(), DAY_SECONDS)
    return counters.take(f"step/{row.token_hash}", window, MOST_TRIES) <= MOST_TRIES


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        current_app.secret_key or "",
        salt="link/invitation",
        signer_kwargs={"digest_method": hashlib.sha256},
    )


def invitation(user: User, mailed: bool = False) -> str:
    """The token of a link by which ``user`` chooses a first password.

    One that was ``mailed`` also proves that the address is theirs.
    """
    return _signer().dumps([user.uuid.hex, fingerprint(user)[:24], mailed])


def invited(token: str) -> tuple[User | None, bool]:
    """Whom the token invites, and whether it came by mail.

    Nobody when it is forged, older than 7 days, or already used.
    """
    try:
        lasts = int(INVITATION_LASTS.total_seconds())
        identifier, state, mailed = _signer().loads(token, max_age=lasts)
        user = db.session.scalar(User.by_uuid(uuid.UUID(hex=identifier)))
    except (BadData, ValueError, TypeError):
        return None, False
    if user is None or not user.is_active or user.password_hash is not None:
        return None, False
    return (user if hmac.compare_digest(state, fingerprint(user)[:24]) else None), bool(mailed)
