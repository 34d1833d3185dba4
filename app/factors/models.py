"""Second factors: passkeys, an authenticator app, and codes for when both are lost."""

from datetime import datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Delete,
    ForeignKey,
    LargeBinary,
    Select,
    String,
    UniqueConstraint,
    Update,
    delete,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.database import now
from app.extensions import Model
from app.users.models import User


class Passkey(Model):
    """A WebAuthn credential: its public key, and how often it says it was used."""

    __tablename__ = "passkeys"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    credential_id: Mapped[str] = mapped_column(String(1400), unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger, default=0)
    transports: Mapped[list[str]] = mapped_column(JSON, default=list)
    name: Mapped[str] = mapped_column(String(60))
    is_synced: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=now)
    used_at: Mapped[datetime | None]
    user: Mapped[User] = relationship()

    @classmethod
    def of(cls, user: User) -> Select["Passkey"]:
        """Those of ``user``, the oldest first."""
        return select(cls).where(cls.user_id == user.id).order_by(cls.id)

    @classmethod
    def by_credential(cls, credential_id: str) -> Select["Passkey"]:
        return select(cls).where(cls.credential_id == credential_id)

    @classmethod
    def used(cls, identifier: int, count: int) -> Update:
        """Note a use, unless the passkey has counted that far before; those that never count say 0.

        Of several at once with the same count, one changes the row.
        """
        further = cls.sign_count < count if count else cls.sign_count == 0
        values = {"sign_count": count, "used_at": now()}
        return update(cls).where(cls.id == identifier, further).values(values)


class AuthenticatorApp(Model):
    """A secret that an app on a phone shares (RFC 6238), kept encrypted."""

    __tablename__ = "authenticator_apps"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), unique=True)
    secret: Mapped[str] = mapped_column(String(255))
    last_step: Mapped[int] = mapped_column(BigInteger, default=0)
    created_at: Mapped[datetime] = mapped_column(default=now)
    used_at: Mapped[datetime | None]

    @classmethod
    def of(cls, user: User) -> Select["AuthenticatorApp"]:
        return select(cls).where(cls.user_id == user.id)

    @classmethod
    def used(cls, identifier: int, step: int) -> Update:
        """Note that the code of ``step`` was used: of several at once, one changes the row."""
        unused = (cls.id == identifier, cls.last_step < step)
        return update(cls).where(*unused).values(last_step=step, used_at=now())


class RecoveryCode(Model):
    """One of ten codes; ``selector`` is its first part, by which it is found."""

    __tablename__ = "recovery_codes"
    __table_args__ = (UniqueConstraint("user_id", "selector"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    selector: Mapped[str] = mapped_column(String(8))
    code_hash: Mapped[str] = mapped_column(String(255))
    used_at: Mapped[datetime | None]

    @classmethod
    def unused_of(cls, user: User) -> Select["RecoveryCode"]:
        return select(cls).where(cls.user_id == user.id, cls.used_at.is_(None)).order_by(cls.id)

    @classmethod
    def removed_for(cls, user: User) -> Delete:
        return delete(cls).where(cls.user_id == user.id)

    @classmethod
    def used(cls, identifier: int) -> Update:
        """Use it up: of several at once, one changes the row."""
        unused = (cls.id == identifier, cls.used_at.is_(None))
        return update(cls).where(*unused).values(used_at=now())
