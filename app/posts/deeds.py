"""What is done to posts, by any door. What operators do to those of others is put on record."""

from collections.abc import Mapping
from typing import Any

from app.audit.trail import record
from app.errors import answering
from app.extensions import db
from app.posts.models import Post
from app.users.models import User

ON_RECORD = ("title", "media_url")  # a whole text would be too much for the trail


def save() -> None:
    """Commit. Raises Stale."""
    with answering({}):
        db.session.commit()


def write(author: User, values: Mapping[str, Any]) -> Post:
    """Commit a new one. Raises Stale when its author was erased meanwhile."""
    post = Post(created_by_user_id=author.id, **values)
    db.session.add(post)
    save()
    return post


def change(post: Post, values: Mapping[str, Any], actor: User) -> None:
    """Commit it. Raises Stale."""
    before = {field: getattr(post, field) for field in ON_RECORD}
    post.change(values)
    if is_of_another(post, actor):
        changes = {field: (before[field], getattr(post, field)) for field in ON_RECORD}
        record("post.changed", post.author.as_subject, detail=post.title, changes=changes)
    save()


def delete(post: Post, actor: User) -> None:
    """Commit it: out of sight, to be restored. Raises Stale."""
    post.delete(by=actor)
    if is_of_another(post, actor):
        record("post.deleted", post.author.as_subject, detail=post.title)
    save()


def restore(post: Post, actor: User) -> None:
    """Commit it. Raises Stale."""
    if is_of_another(post, actor):
        record("post.restored", post.author.as_subject, detail=post.title)
    post.restore()
    save()


def erase(post: Post) -> None:
    """Commit it: the row is gone. Raises Stale."""
    record("post.erased", post.author.as_subject, detail=post.title)
    db.session.delete(post)
    save()


def is_of_another(post: Post, actor: User) -> bool:
    return post.created_by_user_id != actor.id
