"""What the tests of every door need to know about posts."""

from flask import Flask

from tests.posts.written import write

DOORS = ("index", "new", "create", "show", "edit", "update", "delete", "restore")
OWN = {f"posts.{door}" for door in DOORS}
GOOD = {"title": "Hello", "text": "What I saw.", "media_url": "https://example.com/a.jpg"}


def give(app: Flask) -> None:
    """Bob's first post: its number is 1."""
    write(app, "bob")
