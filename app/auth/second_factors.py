"""What somebody has beside the password to come in with."""

from typing import Any

from sqlalchemy import delete

from app.extensions import db
from app.factors.models import AuthenticatorApp, Passkey, RecoveryCode
from app.users.models import User


def factors_of(user: User) -> list[str]:
    """Their kinds, in words."""
    kinds: dict[str, Any] = {"passkey": Passkey, "authenticator app": AuthenticatorApp}
    return [word for word, kind in kinds.items() if db.session.scalar(kind.of(user).limit(1))]


def take_all_factors(user: User) -> None:
    """The recovery codes, too. The caller commits."""
    for kind in (Passkey, AuthenticatorApp, RecoveryCode):
        db.session.execute(delete(kind).where(kind.user_id == user.id))
