"""A program deletes a post: out of sight, or out of the database."""

from datetime import timedelta

from flask import Flask

from app.database import now
from app.posts.tasks import forget_deleted_posts
from tests.audit.kept import kept
from tests.posts.written import all_stored, ask, stored, write
from tests.users.saved import everything


def test_a_post_is_out_of_sight_and_kept(app: Flask) -> None:
    number = write(app)

    answer = ask(app, "DELETE", f"/bob/post/{number}", "bob")

    assert (answer.status_code, answer.json) == (200, {"message": "Post deleted"})
    post = stored(app, number)
    assert post is not None
    assert post.is_deleted
    assert ask(app, "GET", f"/bob/post/{number}").status_code == 404
    assert ask(app, "DELETE", f"/bob/post/{number}", "bob").status_code == 404
    assert kept(app) == []


def test_what_an_operator_deletes_is_on_record(app: Flask) -> None:
    number = write(app)

    assert ask(app, "DELETE", f"/bob/post/{number}", "alice").status_code == 200

    [event] = kept(app)
    assert (event.action, event.subject_name, event.detail) == (
        "post.deleted",
        "Bob Baker",
        "Hello",
    )


def test_an_operator_takes_a_post_out_of_the_database(app: Flask) -> None:
    living, deleted = write(app), write(app, title="Gone")
    ask(app, "DELETE", f"/bob/post/{deleted}", "bob")

    for number in (living, deleted):
        answer = ask(app, "DELETE", f"/bob/db_post/{number}", "alice")
        assert answer.json == {"message": "Post deleted from the database"}

    assert all_stored(app) == []
    assert {event.action for event in kept(app)} == {"post.erased"}
    assert ask(app, "DELETE", f"/bob/db_post/{living}", "alice").status_code == 404


def test_a_month_after_it_was_deleted_a_post_is_gone(app: Flask) -> None:
    write(app, title="Living")
    for title, days in (("Lately", 29), ("Long ago", 31)):
        write(app, title=title, deleted_at=now() - timedelta(days=days))

    with app.app_context():
        forget_deleted_posts()

    assert [post.title for post in all_stored(app)] == ["Living", "Lately"]


def test_nobody_else_deletes_anything(app: Flask) -> None:
    number = write(app)
    before = everything(app)["posts"]

    for path, by, status in (
        *((f"/bob/post/{number}", "mallory", 403), (f"/bob/post/{number}", "", 401)),
        *((f"/bob/db_post/{number}", "bob", 403), (f"/bob/db_post/{number}", "", 401)),
        *((f"/carol/db_post/{number}", "alice", 404), (f"/nobody/post/{number}", "alice", 404)),
    ):
        assert ask(app, "DELETE", path, by).status_code == status, path

    assert everything(app)["posts"] == before


def test_a_version_that_is_past_deletes_nothing(app: Flask) -> None:
    number = write(app)
    read = ask(app, "GET", f"/bob/post/{number}").headers["ETag"]
    ask(app, "PATCH", f"/bob/post/{number}", "bob", json={"title": "Newer"})

    for path, by in ((f"/bob/post/{number}", "bob"), (f"/bob/db_post/{number}", "alice")):
        assert ask(app, "DELETE", path, by, headers={"If-Match": read}).status_code == 412

    post = stored(app, number)
    assert post is not None
    assert not post.is_deleted
