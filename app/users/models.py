"""People: who they are and what they may do. How operators find them: found."""

from datetime import datetime
from uuid import UUID, uuid4

from flask_login import UserMixin
from sqlalchemy import (
    ForeignKey,
    Index,
    Select,
    String,
    Update,
    Uuid,
    and_,
    false,
    func,
    select,
    update,
)
from sqlalchemy.orm import Mapped, column_property, mapped_column, relationship

from app.audit.models import Subject
from app.database import SoftDeleted, Timestamped, Versioned, now, unique_among_living
from app.extensions import Model
from app.ordering import LONG_AGO, caseless
from app.passwords import hash_password, is_outdated, is_right
from app.tiers.models import Tier


class User(UserMixin, Timestamped, SoftDeleted, Versioned, Model):
    """A person with an account."""

    __tablename__ = "users"
    __table_args__ = (
        unique_among_living("users", "username"),
        unique_among_living("users", "email"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[UUID] = mapped_column(Uuid, default=uuid4, unique=True)
    name: Mapped[str] = mapped_column(String(30))
    username: Mapped[str] = mapped_column(String(20), index=True)
    email: Mapped[str] = mapped_column(String(254), index=True)
    email_confirmed_at: Mapped[datetime | None]
    password_hash: Mapped[str | None] = mapped_column(String(255))
    must_reset: Mapped[bool] = mapped_column(default=False, server_default=false())
    profile_image_url: Mapped[str | None] = mapped_column(String(500))
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    theme: Mapped[str | None] = mapped_column(String(5))
    keys_off: Mapped[bool] = mapped_column(default=False, server_default=false())
    is_superuser: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column("is_active", default=True)
    tier_id: Mapped[int | None] = mapped_column(
        ForeignKey("tiers.id", ondelete="SET NULL"), index=True
    )
    last_seen_at: Mapped[datetime | None] = mapped_column(index=True)
    tier: Mapped[Tier | None] = relationship(lazy="joined")

    # How this person came in, set by app.auth: the token of the session, kept by Flask-Login; until
    # when the password counts as just confirmed; whether a program may only read.
    session_token = None  # type: str | None
    confirmed_until = None  # type: datetime | None
    reads_only = False  # type: bool

    def get_id(self) -> str:
        return self.session_token or ""

    @property
    def as_subject(self) -> Subject:
        """How the audit trail names this person."""
        return Subject("user", self.id, self.name)

    @property
    def is_active(self) -> bool:
        """Whether this person may be signed in."""
        return self.active and not self.is_deleted

    @property
    def state(self) -> str:
        if self.is_deleted:
            return "deleted"
        if not self.active:
            return "deactivated"
        return "active" if self.password_hash else "invited"

    @property
    def initials(self) -> str:
        words = self.name.split()
        return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()

    def set_password(self, password: str) -> None:
        self.take_hash(hash_password(password))

    def take_hash(self, password_hash: str) -> None:
        """Be let in by the password that was hashed, from now on."""
        self.password_hash = password_hash
        self.must_reset = False

    def has_password(self, password: str) -> bool:
        return is_right(self.password_hash, password)

    @property
    def has_outdated_hash(self) -> bool:
        """Whether the password was hashed with weaker parameters than today's."""
        return self.password_hash is not None and is_outdated(self.password_hash)

    def rehashed(self, password: str) -> Update:
        """The same password hashed anew, unless it was changed meanwhile; the version stays."""
        values = {"password_hash": hash_password(password), "updated_at": User.updated_at}
        unchanged = (User.id == self.id, User.password_hash == self.password_hash)
        return update(User).where(*unchanged).values(values)

    def take_address(self, email: str) -> None:
        """Be mailed at an address that is not confirmed yet; the same one stays as it is."""
        if email != self.email:
            self.email, self.email_confirmed_at = email, None

    def move_to(self, tier: Tier | None) -> None:
        """Change tier; its limits apply from the next request."""
        self.tier = tier

    def deactivate(self) -> None:
        self.active = False

    def activate(self) -> None:
        self.active = True

    def delete(self) -> None:
        """Take out of sight; ``restore`` brings back."""
        self.deleted_at = now()

    def restore(self) -> None:
        """Bring back. The commit raises IntegrityError when the name was taken meanwhile."""
        self.deleted_at = None

    @classmethod
    def by_username(cls, username: str) -> Select["User"]:
        """The living person of that name."""
        return select(cls).where(cls.username == username, cls.deleted_at.is_(None))

    @classmethod
    def by_uuid(cls, identifier: UUID) -> Select["User"]:
        return select(cls).where(cls.uuid == identifier)

    @classmethod
    def any_by_username(cls, username: str) -> Select["User"]:
        """The living person of that name, else the one deleted last."""
        living_first = cls.deleted_at.is_not(None)
        return (
            select(cls)
            .where(cls.username == username)
            .order_by(living_first, cls.deleted_at.desc(), cls.id.desc())
            .limit(1)
        )

    @classmethod
    def deleted_by_username(cls, username: str) -> Select["User"]:
        """Whoever of that name was deleted last."""
        gone = (cls.username == username, cls.deleted_at.is_not(None))
        return select(cls).where(*gone).order_by(cls.deleted_at.desc(), cls.id.desc()).limit(1)

    @classmethod
    def by_login(cls, login: str) -> Select["User"]:
        """The living person with that username or e-mail address."""
        column = cls.email if "@" in login else cls.username
        return select(cls).where(column == login.strip().lower(), cls.deleted_at.is_(None))

    @classmethod
    def usernames_like(cls, start: str) -> Select[str]:
        """Living usernames that begin with ``start``."""
        return select(cls.username).where(
            cls.username.startswith(start, autoescape=True), cls.deleted_at.is_(None)
        )

    @classmethod
    def superusers(cls) -> Select["User"]:
        """Those who can run the place: superusers whom nothing keeps from signing in."""
        able = (cls.active.is_(True), cls.deleted_at.is_(None), cls.must_reset.is_(False))
        return select(cls).where(cls.is_superuser.is_(True), *able)

    @classmethod
    def hold_superusers(cls) -> Update:
        """Changes nothing, but whoever else would shut one out waits until this is done."""
        held = update(cls).where(cls.is_superuser.is_(True)).values(updated_at=cls.updated_at)
        return held.execution_options(synchronize_session=False)


Tier.people = column_property(
    select(func.count(User.id))
    .where(User.tier_id == Tier.id, User.deleted_at.is_(None))
    .correlate_except(User)
    .scalar_subquery(),
    deferred=True,
)

# What lists are sorted by, and the few that are looked for among the many (app.users.found).
NAME, SEEN = caseless(User.name), func.coalesce(User.last_seen_at, LONG_AGO)
IS_DELETED = User.deleted_at.is_not(None)
IS_DEACTIVATED = and_(User.deleted_at.is_(None), User.active.is_(False))
Index("ix_users_by_name", NAME, User.id)
Index("ix_users_by_seen", SEEN, User.id)
Index("ix_users_by_joined", User.created_at, User.id)
Index("ix_users_deleted", User.id, postgresql_where=IS_DELETED, sqlite_where=IS_DELETED)
Index(
    "ix_users_deactivated",
    User.id,
    postgresql_where=IS_DEACTIVATED,
    sqlite_where=IS_DEACTIVATED,
)
