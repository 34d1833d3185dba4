"""One-time tokens: what a mailed link or an unfinished step of signing in is worth, once."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, Delete, ForeignKey, Select, String, Update, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.database import now
from app.extensions import Model
from app.users.models import User

MOST_TRIES = 5


def digest(token: str) -> str:
    """What the table keeps of a token: useless to whoever reads it."""
    return hashlib.sha256(token.encode()).hexdigest()


def fingerprint(user: User | None) -> str:
    """Changes with the password, the address and the standing of an account.

    So a link ends by itself when one of them changes, whoever changes it.
    """
    if user is None:
        return ""
    facts = f"{user.uuid}/{user.password_hash}/{user.email}/{user.is_active}/{user.must_reset}"
    return hashlib.sha256(facts.encode()).hexdigest()


class OneTimeToken(Model):
    """Opens one door, once, for a while; ``payload`` is what that door needs to go on.

    The token itself is never stored. Without a ``token_hash`` it has not been handed out yet.
    """

    __tablename__ = "one_time_tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    purpose: Mapped[str] = mapped_column(String(20))
    user_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    state: Mapped[str] = mapped_column(String(64), default="")
    payload: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    tries: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    user: Mapped[User | None] = relationship()

    @classmethod
    def about(
        cls, purpose: str, user: User | None, lasts: timedelta, **payload: Any
    ) -> "OneTimeToken":
        """A new row for ``purpose``, bound to the account as it is now; ``renew`` hands it out."""
        return cls(
            purpose=purpose,
            user=user,
            state=fingerprint(user),
            payload=payload,
            expires_at=now() + lasts,
        )

    def renew(self) -> str:
        """A token for this row, which is returned; one handed out before opens nothing more."""
        token = secrets.token_urlsafe(32)
        self.token_hash = digest(token)
        return token

    @property
    def fits(self) -> bool:
        """Whether the account is still as it was when this was made."""
        return self.state == fingerprint(self.user)

    @classmethod
    def living(cls, purpose: str, token: str) -> Select["OneTimeToken"]:
        """The row of ``token``, unless it is spent, too old, or was guessed at too often."""
        return select(cls).where(
            cls.token_hash == digest(token),
            cls.purpose == purpose,
            cls.expires_at > now(),
            cls.tries < MOST_TRIES,
        )

    @classmethod
    def spent(cls, identifier: int) -> Delete:
        """Take it away: of several at once, one deletes a row."""
        living = (cls.id == identifier, cls.expires_at > now(), cls.tries < MOST_TRIES)
        return delete(cls).where(*living)

    @classmethod
    def tried(cls, identifier: int) -> Update:
        """Count a wrong answer at the step this token stands for."""
        return update(cls).where(cls.id == identifier).values(tries=cls.tries + 1)

    @classmethod
    def over(cls) -> Delete:
        """Those that nobody can use any more."""
        return delete(cls).where(cls.expires_at <= now())

    @classmethod
    def lately(cls, purpose: str, user: User, within: timedelta) -> Select["OneTimeToken"]:
        """Those made for ``user`` within the last while, spent ones apart."""
        recent = cls.created_at > now() - within
        return select(cls).where(cls.purpose == purpose, cls.user_id == user.id, recent)
