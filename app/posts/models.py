"""Posts: what people write, and a stamp for each author's posts as a whole."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    Connection,
    Delete,
    ForeignKey,
    Index,
    Select,
    String,
    Text,
    delete,
    event,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Mapper, mapped_column, relationship

from app.database import SoftDeleted, Timestamped, Versioned, now
from app.extensions import Model
from app.users.models import User

KEPT_AFTER_DELETION = timedelta(days=30)


class Post(Timestamped, SoftDeleted, Versioned, Model):
    """Something that a person wrote."""

    __tablename__ = "posts"
    __table_args__ = (Index("ix_posts_created_by_user_id_id", "created_by_user_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(30))
    text: Mapped[str] = mapped_column(Text)
    media_url: Mapped[str | None] = mapped_column(String(500))
    created_by_user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    deleted_by_user_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL")
    )
    author: Mapped[User] = relationship(foreign_keys=[created_by_user_id])

    def can_be_changed_by(self, user: User) -> bool:
        return user.is_superuser or user.id == self.created_by_user_id

    def can_be_restored_by(self, user: User) -> bool:
        """What an operator deleted its author cannot bring back."""
        return user.is_superuser or user.id == self.deleted_by_user_id

    def change(self, values: Mapping[str, Any]) -> None:
        """Take what ``values`` has; the rest stays."""
        for field, value in values.items():
            setattr(self, field, value)

    def delete(self, by: User) -> None:
        """Take out of sight; ``restore`` brings back."""
        self.deleted_at, self.deleted_by_user_id = now(), by.id

    def restore(self) -> None:
        self.deleted_at = self.deleted_by_user_id = None

    @classmethod
    def of(cls, author_id: int) -> Select["Post"]:
        """The living ones of that person."""
        return select(cls).where(*cls._living(author_id))

    @classmethod
    def _living(cls, author_id: int) -> tuple[Any, ...]:
        return cls.created_by_user_id == author_id, cls.deleted_at.is_(None)

    @classmethod
    def any_of(cls, author_id: int, number: int) -> Select["Post"]:
        """The one of that person with that number, deleted or not."""
        return select(cls).where(cls.created_by_user_id == author_id, cls.id == number)

    @classmethod
    def long_deleted(cls) -> Delete:
        """Those that were deleted so long ago that nobody brings them back any more. No read shows
        them, so the stamp stays.
        """
        return delete(cls).where(cls.deleted_at < now() - KEPT_AFTER_DELETION)

    @classmethod
    def seen_by(cls, user: User, number: int) -> Select["Post"]:
        """The one with that number, deleted or not, if it is theirs or they are an operator."""
        found = select(cls).where(cls.id == number)
        return found if user.is_superuser else found.where(cls.created_by_user_id == user.id)


class Shelf(Model):
    """The posts of one author as a whole. Each change of one of them gives it a new stamp, in the
    same transaction: what was kept under the old one is never asked for again.
    """

    __tablename__ = "post_shelves"

    author_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    stamp: Mapped[str] = mapped_column(String(32))

    @classmethod
    def stamp_of(cls, username: str) -> Select[str]:
        """The stamp of a living person who ever wrote."""
        return (
            select(cls.stamp).join(User).where(User.username == username, User.deleted_at.is_(None))
        )


@event.listens_for(Post, "after_insert")
@event.listens_for(Post, "after_update")
@event.listens_for(Post, "after_delete")
def stamp_anew(_mapper: Mapper[Post], connection: Connection, post: Post) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    stamp = uuid4().hex  # never one there was before, also after a database was put back
    first = dialect.insert(Shelf).values(author_id=post.created_by_user_id, stamp=stamp)
    again = first.on_conflict_do_update(index_elements=["author_id"], set_={"stamp": stamp})
    connection.execute(again)
