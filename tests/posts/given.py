"""What the tests of every door need to know about posts."""

from typing import Any

from flask import Flask

from tests.posts.written import write

DOORS = ("index", "new", "create", "show", "edit", "update", "delete", "restore")
OWN = {f"posts.{door}" for door in DOORS}
GOOD = {"title": "Hello", "text": "What I saw.", "media_url": "https://example.com/a.jpg"}


def give(app: Flask) -> dict[str, Any]:
    """Bob's first post: its number is 1."""
    return {"post": write(app, "bob")}


def walk(dora: Any) -> None:
    """A post, from the first word to the last."""
    post = dora.ask("POST", "dora/post", 201, {"title": "Hello", "text": "What I saw"})
    path = f"dora/post/{post['id']}"
    assert dora.ask("GET", path)["title"] == "Hello"
    assert dora.ask("PATCH", path, body={"title": "Again"}) == {"message": "Post updated"}
    page = dora.ask("GET", "dora/posts")
    assert [each["title"] for each in page["data"]] == ["Again"]
    assert dora.ask("DELETE", path) == {"message": "Post deleted"}
    dora.ask("GET", path, 404)
