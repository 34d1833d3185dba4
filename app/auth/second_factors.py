"""What somebody has beside the password to come in with."""

from typing import Any

from app.extensions import db
from app.factors.models import AuthenticatorApp, Passkey
from app.users.models import User


def factors_of(user: User) -> list[str]:
    """Their kinds, in words."""
    kinds: dict[str, Any] = {"passkey": Passkey, "authenticator app": AuthenticatorApp}
    return [word for word, kind in kinds.items() if db.session.scalar(kind.of(user).limit(1))]
