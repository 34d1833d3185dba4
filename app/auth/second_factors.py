"""What somebody has beside the password to come in with."""

from typing import Any

from app.audit.trail import record
from app.auth import sessions
from app.auth.tasks import mail_factors_removed
from app.errors import Refused
from app.extensions import db
from app.factors.checks import remove_all
from app.factors.models import AuthenticatorApp, Passkey
from app.users.models import User


def factors_of(user: User) -> list[str]:
    """Their kinds, in words."""
    kinds: dict[str, Any] = {"passkey": Passkey, "authenticator app": AuthenticatorApp}
    return [word for word, kind in kinds.items() if db.session.scalar(kind.of(user).limit(1))]


def take_factors(user: User) -> None:
    """Remove what is lost, sign ``user`` out everywhere, and say so by mail and on record; commits.

    Raises Refused when there is none.
    """
    names = factors_of(user)
    if not names:
        raise Refused(f"{user.name} has no second factor.")
    record("factor.removed_by_operator", user.as_subject, detail=", ".join(names))
    remove_all(user)
    sessions.end_all(user)
    mail_factors_removed.enqueue(user_id=user.id)
    db.session.commit()
