"""Sessions: a row for each browser that is signed in. The token itself is never stored."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    Delete,
    ForeignKey,
    Select,
    String,
    Update,
    delete,
    event,
    inspect,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Mapper, joinedload, mapped_column, relationship

from app.auth.devices import device
from app.database import now
from app.extensions import Model
from app.tokens.models import trust_has_changed
from app.users.models import User
from app.users.one_time import digest

TOUCH_EVERY = timedelta(minutes=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BROWSER, API = "browser", "api"
CONFIRMED_FOR = timedelta(minutes=10)


class Session(Model):
    """One browser of one person, from sign-in to sign-out or expiry."""

    __tablename__ = "sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    seen_at: Mapped[datetime] = mapped_column(default=now)
    idle_until: Mapped[datetime]
    ends_at: Mapped[datetime] = mapped_column(index=True)
    idle_seconds: Mapped[int]
    address: Mapped[str] = mapped_column(String(45), default="")
    agent: Mapped[str] = mapped_column(String(255), default="")
    kind: Mapped[str] = mapped_column(String(8), default=BROWSER, server_default=BROWSER)
    confirmed_at: Mapped[datetime | None] = mapped_column(default=now)
    told_at: Mapped[datetime | None]  # up to when it was told which jobs ended
    user: Mapped[User] = relationship()

    @classmethod
    def begin(
        cls, user: User, idle: timedelta, longest: timedelta, address: str, agent: str
    ) -> tuple["Session", str]:
        """A new session and its token, which exists only in the browser's cookie."""
        token = secrets.token_urlsafe(32)
        begun = now()
        session = cls(
            token_hash=digest(token),
            user=user,
            idle_seconds=int(idle.total_seconds()),
            idle_until=begun + idle,
            ends_at=begun + longest,
            address=address[:45],
            agent=agent[:255],
        )
        return session, token

    @property
    def device(self) -> str:
        """The browser in words: "Firefox on Linux"; or the program."""
        words = device(self.agent)
        return f"API sign-in, {words}" if self.kind == API else words

    @property
    def sid(self) -> str:
        """What the tokens of an API sign-in name it by. A number alone may be given out again."""
        return f"{self.id}-{(self.created_at - EPOCH) // timedelta(microseconds=1)}"

    @property
    def confirmed_until(self) -> datetime | None:
        """Until when the password counts as just given."""
        return self.confirmed_at and self.confirmed_at + CONFIRMED_FOR

    def renew(self) -> str:
        """Go on under a new token, which is returned; the old one opens nothing any more."""
        token = secrets.token_urlsafe(32)
        self.token_hash = digest(token)
        return token

    @property
    def is_stale(self) -> bool:
        """Whether it is time to note again that the session is in use."""
        return now() - self.seen_at > TOUCH_EVERY

    @classmethod
    def living(cls, token: str) -> Select["Session"]:
        """The browser's session of ``token``, with its person, unless it has ended."""
        moment = now()
        return (
            select(cls)
            .options(joinedload(cls.user))
            .where(cls.token_hash == digest(token), cls.kind == BROWSER)
            .where(cls.ends_at > moment, cls.idle_until > moment)
        )

    @classmethod
    def of_program(cls, number: int, user_id: int) -> Select["Session"]:
        """The API sign-in with that number, with its person, unless it has ended."""
        moment = now()
        return (
            select(cls)
            .options(joinedload(cls.user))
            .where(cls.id == number, cls.user_id == user_id, cls.kind == API)
            .where(cls.ends_at > moment, cls.idle_until > moment)
            .execution_options(populate_existing=True)
        )

    @classmethod
    def rotated(cls, row: "Session", before: str, after: str, idle_until: datetime) -> Update:
        """Go on under the token ``after``; of several at once with ``before``, one changes it."""
        current = (cls.id == row.id, cls.kind == API, cls.token_hash == digest(before))
        values = {"token_hash": digest(after), "seen_at": now(), "idle_until": idle_until}
        changed = update(cls).where(*current).values(values)
        return changed.execution_options(synchronize_session=False)

    @classmethod
    def told(cls, number: int, begun: datetime, before: datetime | None, until: datetime) -> Update:
        """Note up to when it was told the news; of several at once, one changes the row."""
        current = (
            cls.id == number,
            cls.created_at == begun,
            cls.told_at.is_not_distinct_from(before),
        )
        return update(cls).where(*current).values(told_at=until)

    @classmethod
    def ended(cls, row: "Session") -> Delete:
        """The one of ``row``; of several at once, one deletes it."""
        return delete(cls).where(cls.id == row.id, cls.created_at == row.created_at)

    @classmethod
    def of(cls, user: User) -> Select["Session"]:
        """Those of ``user`` that have not ended, the one used last first."""
        moment = now()
        living = (cls.ends_at > moment, cls.idle_until > moment)
        return (
            select(cls).where(cls.user_id == user.id, *living).order_by(cls.seen_at.desc(), cls.id)
        )

    @classmethod
    def ended_by(cls, token: str) -> Delete:
        return delete(cls).where(cls.token_hash == digest(token))

    @classmethod
    def ended_for(cls, user: User) -> Delete:
        return delete(cls).where(cls.user_id == user.id)

    @classmethod
    def ended_but(cls, user: User, token: str) -> Delete:
        """All of ``user`` but the one of ``token``."""
        return delete(cls).where(cls.user_id == user.id, cls.token_hash != digest(token))

    @classmethod
    def over(cls) -> Delete:
        """Those that ended by themselves."""
        moment = now()
        return delete(cls).where(or_(cls.ends_at <= moment, cls.idle_until <= moment))

    @classmethod
    def over_for(cls, user: User) -> Delete:
        """Those of ``user`` that ended by themselves."""
        return cls.over().where(cls.user_id == user.id)


@event.listens_for(User, "after_update")
def sign_out_whoever_is_shut_out(_mapper: Mapper[User], connection: Connection, user: User) -> None:
    """By whatever door: a session from before must not come back with the account, nor go on with
    other rights than it began with, nor outlive a password that is not trusted any more.
    """
    attributes: Any = inspect(user).attrs
    has_other_role = attributes.is_superuser.history.has_changes()
    is_distrusted = user.must_reset and attributes.must_reset.history.has_changes()
    if has_other_role or is_distrusted or not user.is_active:
        connection.execute(Session.ended_for(user))
    elif trust_has_changed(user):
        connection.execute(Session.ended_for(user).where(Session.kind == API))
