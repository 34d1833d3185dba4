"""Programs read posts, signed in or not, and see every change at once although reads are cached."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import IntegerConverter

from app import create_app
from app.config import load_settings
from app.extensions import db
from app.posts.models import Post, Shelf
from tests.posts.written import ask, stored, write
from tests.statements import statements
from tests.users.saved import change, everything, saved


@pytest.fixture
def other_process(app: Flask, mode_settings: dict[str, Any]) -> Iterator[Flask]:
    """The same site in another process: its memory is its own, database and Redis are shared."""
    other = create_app(load_settings(**mode_settings))
    yield other
    with other.app_context():
        db.engine.dispose()


def titles(app: Flask, query: str = "", by: str = "") -> list[str]:
    answer = ask(app, "GET", f"/bob/posts{query}", by)
    assert answer.status_code == 200
    return [each["title"] for each in answer.json["data"]]


def test_strangers_read_a_page_and_a_post(app: Flask) -> None:
    numbers = [write(app, title=f"Post {n}") for n in range(3)]
    write(app, "carol", "Not of Bob")
    bob, post = saved(app, "bob"), stored(app, numbers[2])
    assert post is not None

    page = ask(app, "GET", "/bob/posts?page=2&items_per_page=2").json
    one = ask(app, "GET", f"/bob/post/{numbers[2]}")

    shown = {
        **{"id": numbers[2], "title": "Post 2", "text": "Post 2, everybody", "media_url": None},
        **{"created_by_user_id": bob.id},
        **{"created_at": post.created_at.isoformat().replace("+00:00", "Z")},
    }
    about = {"total_count": 3, "has_more": False, "page": 2, "items_per_page": 2}
    assert page == {"data": [shown], **about}
    assert one.json == shown
    assert titles(app) == ["Post 0", "Post 1", "Post 2"]
    assert titles(app, by="mallory") == titles(app, by="alice") == titles(app)


def test_past_the_end_there_is_nothing(app: Flask) -> None:
    write(app)

    assert titles(app, "?page=2147483647&items_per_page=100") == []
    assert ask(app, "GET", "/carol/posts").json["total_count"] == 0
    for query in ("?page=0", "?items_per_page=101", "?page=x", f"?page={'9' * 400}", "?page=1.5"):
        assert ask(app, "GET", f"/bob/posts{query}").status_code == 422


def test_who_and_what_is_not_there(app: Flask) -> None:
    number, gone = write(app, "carol"), write(app, "bob")
    ask(app, "DELETE", f"/bob/post/{gone}", "bob")

    for path, said in (
        *(("/nobody/posts", "User not found"), (f"/nobody/post/{number}", "User not found")),
        *((f"/bob/post/{number}", "Post not found"), (f"/bob/post/{gone}", "Post not found")),
    ):
        answer = ask(app, "GET", path)
        assert (answer.status_code, answer.json["detail"]) == (404, said)


@pytest.mark.parametrize("number", ["x", "-1", "1e9", "9" * 20, "%ff"])
def test_numbers_that_are_none(app: Flask, number: str) -> None:
    assert ask(app, "GET", f"/bob/post/{number}").status_code == 404


def test_the_posts_of_who_was_deleted_are_gone_and_come_back_with_them(app: Flask) -> None:
    number = write(app)
    assert titles(app) == ["Hello"]

    change(app, "bob", deleted_at=saved(app, "bob").created_at)

    assert ask(app, "GET", "/bob/posts").status_code == 404
    assert ask(app, "GET", f"/bob/post/{number}").status_code == 404


def test_a_token_that_is_not_valid_is_refused(app: Flask) -> None:
    write(app)

    answer = ask(app, "GET", "/bob/posts", headers={"Authorization": "Bearer none"})

    assert answer.status_code == 401


def test_what_was_read_is_not_read_again(app: Flask) -> None:
    number, paths = write(app), ("/bob/posts", "/bob/posts?page=2")
    first = [ask(app, "GET", path).json for path in (*paths, f"/bob/post/{number}")]

    with statements(app, "FROM posts") as asked:
        again = [ask(app, "GET", path).json for path in (*paths, f"/bob/post/{number}")]

    assert again == first
    assert asked == []


def test_reading_does_not_count_and_changes_nothing(app: Flask) -> None:
    number, before = write(app), None
    for _ in range(2):
        ask(app, "GET", f"/bob/post/{number}")
        before = before or everything(app)

    assert everything(app) == before


@pytest.mark.parametrize("here", [True, False])
def test_each_change_is_seen_by_the_very_next_read(
    app: Flask, other_process: Flask, here: bool
) -> None:
    number, reader = write(app), app if here else other_process

    def seen() -> tuple[list[str], int]:
        one = ask(reader, "GET", f"/bob/post/{number}")
        return titles(reader), one.status_code

    assert seen() == (["Hello"], 200)
    ask(app, "PATCH", f"/bob/post/{number}", "bob", json={"title": "Goodbye"})
    assert seen() == (["Goodbye"], 200)
    ask(app, "POST", "/bob/post", "bob", json={"title": "More", "text": "x"})
    assert seen() == (["Goodbye", "More"], 200)
    ask(app, "DELETE", f"/bob/post/{number}", "bob")
    assert seen() == (["More"], 404)
    with app.app_context():
        db.session.get_one(Post, number).restore()
        db.session.commit()
    assert seen() == (["Goodbye", "More"], 200)
    ask(app, "DELETE", f"/bob/db_post/{number}", "alice")
    assert seen() == (["More"], 404)


def test_a_change_that_was_not_committed_leaves_everything_as_it_is(app: Flask) -> None:
    number = write(app)
    with app.app_context():
        before = db.session.scalars(db.select(Shelf.stamp)).one()
        db.session.get_one(Post, number).title = "Goodbye"
        db.session.flush()
        db.session.rollback()

        assert db.session.scalars(db.select(Shelf.stamp)).one() == before
    assert titles(app) == ["Hello"]


def test_a_slow_reader_leaves_nothing_old_behind(app: Flask, other_process: Flask) -> None:
    """Who read before a change, and keeps it after, keeps it where nobody looks any more."""
    number, reading, changed = write(app), threading.Event(), threading.Event()

    def stop_after_reading(statement_of: Any) -> Any:
        def read(*arguments: Any) -> Any:
            found = statement_of(*arguments)
            reading.set()
            changed.wait(10)
            return found

        return read

    from app.posts import api

    before, api.shown = api.shown, stop_after_reading(api.shown)
    slow = threading.Thread(target=ask, args=(app, "GET", f"/bob/post/{number}"))
    try:
        slow.start()
        assert reading.wait(10)
        api.shown = before
        answer = ask(
            other_process, "PATCH", f"/bob/post/{number}", "bob", json={"title": "Goodbye"}
        )
        assert answer.status_code == 200
    finally:
        api.shown = before
        changed.set()
        slow.join()

    for process in (app, other_process):
        assert ask(process, "GET", f"/bob/post/{number}").json["title"] == "Goodbye"


def test_many_changes_at_once_each_leave_their_stamp(app: Flask) -> None:
    failed = []

    def several(name: str) -> None:
        try:
            for n in range(4):
                write(app, title=f"{name} {n}")
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=several, args=(f"Thread {n}",)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert ask(app, "GET", "/bob/posts").json["total_count"] == 12


def test_what_is_kept_is_what_everybody_may_see_and_brings_no_cookie(app: Flask) -> None:
    number = write(app)
    first = ask(app, "GET", f"/bob/post/{number}", "alice")

    with statements(app, "FROM posts") as asked:
        again = [ask(app, "GET", f"/bob/post/{number}", by) for by in ("bob", "mallory", "")]

    assert {each.text for each in again} == {first.text}
    assert asked == []
    assert not any("Set-Cookie" in each.headers for each in again)
    assert {each.headers["Cache-Control"] for each in (first, *again)} == {"public, no-cache"}


def test_nobody_fills_the_memory_with_large_pages_or_endless_numbers(app: Flask) -> None:
    for n in range(2):
        write(app, title=f"Post {n}", text="x" * 60_000)
    paths = ("?items_per_page=1", "?items_per_page=2", "?page=101", "?items_per_page=1&more=x")

    held = []
    for path in paths:
        titles(app, path)
        with statements(app, "FROM posts") as asked:
            titles(app, path)
        held.append(not asked)

    assert held == [True, False, False, False]


def test_who_has_it_already_is_told_so(app: Flask) -> None:
    number = write(app)
    tag = ask(app, "GET", f"/bob/post/{number}").headers["ETag"]

    again = ask(app, "GET", f"/bob/post/{number}", headers={"If-None-Match": tag})
    ask(app, "PATCH", f"/bob/post/{number}", "bob", json={"text": "new"})
    changed = ask(app, "GET", f"/bob/post/{number}", headers={"If-None-Match": tag})

    assert (again.status_code, again.data, changed.status_code) == (304, b"", 200)


@pytest.mark.server_only
def test_without_redis_posts_are_read_and_changed_all_the_same(app: Flask, redis: Any) -> None:
    number = write(app)
    ask(app, "GET", "/bob/posts")
    redis.stop()
    began = time.monotonic()
    ask(app, "PATCH", f"/bob/post/{number}", "bob", json={"title": "Goodbye"})
    assert titles(app) == ["Goodbye"]
    assert time.monotonic() - began < 5
    redis.start()
    assert titles(app) == ["Goodbye"]


def test_no_address_of_others_leads_to_posts(app: Flask) -> None:
    """An address with a word in the place of the name belongs to whose word it is."""
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("posts_api") or not rule.rule.startswith("/api/v1/"):
            continue
        for value in ("posts", "post", "1"):
            given = {name: value for name in rule.arguments}
            given |= {
                name: 1
                for name, kind in rule._converters.items()
                if isinstance(kind, IntegerConverter)
            }
            built = rule.build(given)
            assert built is not None
            method = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})[0]
            found, _ = adapter.match(built[1], method=method)
            assert not found.startswith("posts_api"), built
