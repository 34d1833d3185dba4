"""Posts that are there already, written and read behind the doors' back."""

from typing import Any

from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.extensions import db
from app.posts.models import Post
from app.users.models import User
from tests.tokens.deeds import bearing, token_of


def write(app: Flask, username: str = "bob", title: str = "Hello", **values: Any) -> int:
    """A stored post of that person; returns its number."""
    with app.app_context():
        author = db.session.scalars(User.by_username(username)).unique().one()
        values = {"text": f"{title}, everybody", **values}
        post = Post(created_by_user_id=author.id, title=title, **values)
        db.session.add(post)
        db.session.commit()
        return post.id


def stored(app: Flask, number: int) -> Post | None:
    """The post as the database has it now."""
    with app.app_context():
        post = db.session.get(Post, number)
        db.session.expunge_all()
        return post


def all_stored(app: Flask) -> list[Post]:
    with app.app_context():
        posts = list(db.session.scalars(select(Post).order_by(Post.id)))
        db.session.expunge_all()
        return posts


def ask(app: Flask, method: str, path: str, by: str = "", **options: Any) -> TestResponse:
    """What a program does at an address under /api/v1, for that person or for nobody."""
    headers = {**(bearing(token_of(app, by)) if by else {}), **options.pop("headers", {})}
    return app.test_client().open(f"/api/v1{path}", method=method, headers=headers, **options)
