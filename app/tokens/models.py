"""Personal API tokens: what a person gives to a program. The token itself is never stored."""

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import CheckConstraint, Delete, ForeignKey, Select, String, delete, select
from sqlalchemy.orm import Mapped, joinedload, mapped_column, relationship

from app.database import now
from app.extensions import Model
from app.users.models import User

# Scanners for leaked secrets find what begins so.
PREFIX = "gtp_"
SCOPES = ("read", "write")
TOUCH_EVERY = timedelta(minutes=1)


def digest(token: str) -> str:
    """What the table keeps of a token: useless to whoever reads it."""
    return hashlib.sha256(token.encode()).hexdigest()


class ApiToken(Model):
    """Lets a program act as a person: to read only, or to read and write."""

    __tablename__ = "api_tokens"
    __table_args__ = (CheckConstraint(f"scope IN {SCOPES}", name="known_scope"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(60))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    hint: Mapped[str] = mapped_column(String(12))
    scope: Mapped[str] = mapped_column(String(5))
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]
    address: Mapped[str] = mapped_column(String(45), default="")
    user: Mapped[User] = relationship()

    @classmethod
    def made(
        cls, user: User, name: str, scope: str, expires_at: datetime
    ) -> tuple["ApiToken", str]:
        """A new row and its token, which is shown once."""
        token = PREFIX + secrets.token_urlsafe(32)
        values = {"token_hash": digest(token), "hint": token[:4] + "…" + token[-4:]}
        return cls(user=user, name=name, scope=scope, expires_at=expires_at, **values), token

    @property
    def is_over(self) -> bool:
        return self.expires_at <= now()

    @property
    def is_stale(self) -> bool:
        """Whether it is time to note again that the token is in use."""
        return self.used_at is None or now() - self.used_at > TOUCH_EVERY

    @classmethod
    def living(cls, token: str) -> Select["ApiToken"]:
        """The row of ``token``, with its person, unless it has expired."""
        valid = (cls.token_hash == digest(token), cls.expires_at > now())
        return select(cls).options(joinedload(cls.user)).where(*valid)

    @classmethod
    def of(cls, user: User) -> Select["ApiToken"]:
        """Those of ``user``, the newest first."""
        return select(cls).where(cls.user_id == user.id).order_by(cls.id.desc())

    @classmethod
    def revoked_for(cls, user: User) -> Delete:
        return delete(cls).where(cls.user_id == user.id)
