"""Personal API tokens: what a person gives to a program. The token itself is never stored."""

import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Connection,
    Delete,
    ForeignKey,
    Select,
    String,
    Update,
    delete,
    event,
    func,
    inspect,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Mapper, joinedload, mapped_column, relationship

from app.database import now
from app.extensions import Model
from app.users.models import User
from app.users.one_time import digest

# Scanners for leaked secrets find what begins so.
PREFIX = "gtp_"
SCOPES = ("read", "write")
TOUCH_EVERY = timedelta(minutes=1)
MOST_LIVING = 50
KEPT_AFTER_EXPIRY = timedelta(days=30)
# What a program was trusted with ends when one of these changes, whoever changes it.
TRUSTED_BY = ("password_hash", "must_reset", "active", "deleted_at", "is_superuser")


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
    def of_number(cls, user: User, number: int) -> Select["ApiToken"]:
        """The one of ``user`` with that number; nobody else's."""
        return select(cls).where(cls.user_id == user.id, cls.id == number)

    @classmethod
    def count_living(cls, user: User) -> Select[int]:
        valid = (cls.user_id == user.id, cls.expires_at > now())
        return select(func.count()).select_from(cls).where(*valid)

    @classmethod
    def held(cls, user: User) -> Update:
        """Changes nothing, but whoever else makes a token for ``user`` waits until this is done."""
        values = {"updated_at": User.updated_at}
        held = update(User).where(User.id == user.id).values(values)
        return held.execution_options(synchronize_session=False)

    @classmethod
    def used(cls, identifier: int, address: str) -> Update:
        """Note that it is in use, by somebody at ``address``."""
        return update(cls).where(cls.id == identifier).values(used_at=now(), address=address[:45])

    @classmethod
    def long_over(cls) -> Delete:
        """Those that expired so long ago that nobody looks for them any more."""
        return delete(cls).where(cls.expires_at < now() - KEPT_AFTER_EXPIRY)

    @classmethod
    def revoked_for(cls, user: User) -> Delete:
        return delete(cls).where(cls.user_id == user.id)


def trust_has_changed(user: User) -> bool:
    """Whether this flush changes what ``user`` was trusted by when a program was let in."""
    attributes: Any = inspect(user).attrs
    return any(attributes[name].history.has_changes() for name in TRUSTED_BY)


@event.listens_for(User, "after_update")
def revoke_when_trust_changes(_mapper: Mapper[User], connection: Connection, user: User) -> None:
    """By whatever door. Hashing the same password anew is no change (User.rehashed)."""
    if trust_has_changed(user):
        connection.execute(ApiToken.revoked_for(user))
