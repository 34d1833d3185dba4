"""What people write: everybody may read it, its author changes it."""

from datetime import datetime
from typing import Any, NoReturn

from flask import Blueprint, request, url_for
from flask_login import current_user

from app.access import open_to_strangers, operators_only, sign_in_required
from app.cached import cached
from app.counting import total
from app.extensions import db
from app.keyset import Order
from app.operations import (
    Changes,
    Message,
    PageOf,
    Paging,
    Schema,
    Shown,
    check_version,
    operation,
)
from app.paging import part_of
from app.posts import deeds
from app.posts.models import Post, Shelf
from app.posts.rules import MediaUrl, PostText, Title
from app.programs import Problem
from app.users.me import myself
from app.users.models import User

posts_api = Blueprint("posts_api", __name__, url_prefix="/api/v1")

NUMBER = "<int(max=2147483647):id>"
MOST_PAGES = 100  # that are kept
EXAMPLE = {
    "title": "Hello",
    "text": "What I saw today.",
    "media_url": "https://example.com/tree.jpg",
}


class PostCreate(Schema):
    """A new post."""

    title: Title
    text: PostText
    media_url: MediaUrl = None


class PostUpdate(Changes):
    """What may be sent about a post; what is not sent stays as it is."""

    title: Title = ""
    text: PostText = ""
    media_url: MediaUrl = None


class PostRead(Shown):
    """A post."""

    id: int
    title: str
    text: str
    media_url: str | None
    created_by_user_id: int
    created_at: datetime


@posts_api.post("/<username>/post")
@sign_in_required
@operation(
    "Posts", status=201, body=PostCreate, gives=PostRead, once=True, examples={"body": EXAMPLE}
)
def create(username: str, body: PostCreate) -> tuple[PostRead, str]:
    """Write a post: each in their own name."""
    author = person(username)
    if author.id != current_user.id:
        raise Problem(403, "You can write only in your own name.")
    post = deeds.write(author, body.model_dump())
    return PostRead.model_validate(post), url_for(".show", username=username, id=post.id)


def stamp(username: str, **_rest: Any) -> str | None:
    """The stamp of a person's posts as a whole: one small query, whatever is kept."""
    return db.session.scalar(Shelf.stamp_of(username))


def is_far() -> bool:
    """Whether it is a page that nobody needs twice: there is no end of numbers and cursors."""
    return "cursor" in request.args or request.args.get("page", 1, type=int) > MOST_PAGES


# Everybody may keep them, and asks each time whether they are still so: a change is seen at once.
remembered = cached(
    key_prefix="{username}_posts",
    expiration=60,
    shared=True,
    version=stamp,
    client_max_age=0,
    unless=is_far,
)


@posts_api.get("/<username>/posts")
@open_to_strangers
@remembered
@operation("Posts", query=Paging, gives=PageOf[PostRead])
def index(username: str, query: Paging) -> PageOf[PostRead]:
    """Everything that a person wrote, the oldest first."""
    return page_of(person(username).id, query)


def page_of(author_id: int, asked: Paging) -> PageOf[PostRead]:
    theirs = Post.of(author_id)
    return part_of(theirs, Order((Post.id,)), total(theirs), asked, PostRead)


@posts_api.get(f"/<username>/post/{NUMBER}")
@open_to_strangers
@remembered
@operation("Posts", gives=PostRead)
def show(username: str, id: int) -> PostRead:
    """One post."""
    return shown(person(username).id, id)


def shown(author_id: int, id: int) -> PostRead:
    post = db.session.scalar(Post.of(author_id).where(Post.id == id))
    return PostRead.model_validate(post) if post else no_post()


@posts_api.patch(f"/<username>/post/{NUMBER}")
@sign_in_required
@operation(
    "Posts",
    body=PostUpdate,
    gives=Message,
    errors=(412,),
    examples={"body": {"title": "Goodbye"}},
)
def update(username: str, id: int, body: PostUpdate) -> Message:
    """Change what was sent about a post."""
    post = changeable(username, id)
    check_version(PostRead.model_validate(post))
    deeds.change(post, body.sent, myself())
    return Message(message="Post updated")


@posts_api.delete(f"/<username>/post/{NUMBER}")
@sign_in_required
@operation("Posts", gives=Message, errors=(412,))
def delete(username: str, id: int) -> Message:
    """Take a post out of sight.

    Its author can bring it back on their pages.
    """
    post = changeable(username, id)
    check_version(PostRead.model_validate(post))
    deeds.delete(post, myself())
    return Message(message="Post deleted")


@posts_api.delete(f"/<username>/db_post/{NUMBER}")
@operators_only
@operation("Posts", gives=Message, errors=(412,))
def erase(username: str, id: int) -> Message:
    """Take a post out of the database, whether it was deleted before or not."""
    post = db.session.scalar(Post.any_of(person(username).id, id)) or no_post()
    check_version(PostRead.model_validate(post))
    deeds.erase(post)
    return Message(message="Post deleted from the database")


def person(username: str) -> User:
    return db.session.scalar(User.by_username(username)) or nobody()


def changeable(username: str, id: int) -> Post:
    """The living post, for its author and for operators."""
    post = db.session.scalar(Post.of(person(username).id).where(Post.id == id)) or no_post()
    if not post.can_be_changed_by(myself()):
        raise Problem(403, "You can change only your own posts.")
    return post


def nobody() -> NoReturn:
    raise Problem(404, "User not found")


def no_post() -> NoReturn:
    raise Problem(404, "Post not found")
