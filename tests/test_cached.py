"""A view's answers are remembered, until somebody changes what they are about."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask, Response, make_response, request
from flask_login import current_user
from flask_wtf.csrf import generate_csrf
from sqlalchemy import select
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from app import cache_rules, create_app, versions
from app.access import open_to_strangers
from app.cached import cached
from app.config import load_settings
from app.extensions import cache, csrf, db
from app.tiers.models import Tier
from tests.people import Browser

ANSWERS: list[str] = []  # what was really computed


def count(what: str) -> str:
    ANSWERS.append(what)
    return f"{what} {len(ANSWERS)}"


@open_to_strangers
@cached("{shelf}_things", expiration=30)
def things(shelf: str) -> str:
    return count(f"{shelf} of {getattr(current_user, 'username', 'nobody')}")


@open_to_strangers
@cached(
    "{shelf}_thing",
    resource_id_name="id",
    to_invalidate_extra={"{shelf}_things": None},
    pattern_to_invalidate_extra=["{shelf}_page:*"],
)
def thing(shelf: str, id: int) -> Any:
    if request.method == "GET":
        return count(f"{shelf}/{id}")
    db.session.execute(db.update(Tier).values(version=Tier.version))
    how = request.args.get("how", "commit")
    if how == "commit":
        db.session.commit()
    if how == "fail":
        db.session.commit()
        return "no", 422
    db.session.rollback()
    return "done"


@open_to_strangers
@cached("{shelf}_page", resource_id_name="number", shared=True)
def page(shelf: str, number: int) -> str:
    return count(f"page {number}")


@open_to_strangers
@cached("{shelf}_odd", resource_id_name="kind")
def odd(shelf: str, kind: str) -> Any:
    said = count(kind)
    if kind == "cookie":
        answer = make_response(said)
        answer.set_cookie("a", "b")
        return answer
    if kind == "stream":
        return Response(iter([said]))
    if kind == "no-store":
        return said, {"Cache-Control": "no-store"}
    if kind == "token":
        return generate_csrf() and said
    if kind == "large":
        return said + "x" * 200_000
    return said, 404 if kind == "missing" else 500


@open_to_strangers
@cached("slow", shared=True)
def slow() -> str:
    time.sleep(0.3)
    return count("slow")


def with_doors(settings: dict[str, Any]) -> Flask:
    app = create_app(load_settings(**settings))
    app.testing = True
    doors = (
        ("/api/x/<shelf>", things),
        ("/x-pages/<shelf>", things),
        ("/api/x/<shelf>/<int:id>", thing),
        ("/api/x/<shelf>/page/<int:number>", page),
        ("/api/x/<shelf>/odd/<kind>", odd),
        ("/api/slow", slow),
    )
    for path, view in doors:
        methods = ["GET", "POST"] if view is thing else ["GET"]
        app.add_url_rule(path, view_func=view, methods=methods)
        csrf.exempt(view)
    cache_rules.init_app(app)
    return app


@pytest.fixture(scope="module")
def doors(mode_settings: dict[str, Any], prepared_app: Flask) -> Iterator[Flask]:
    app = with_doors(mode_settings)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture(autouse=True)
def nothing_kept(app: Flask, doors: Flask) -> None:
    ANSWERS.clear()
    with doors.app_context():
        cache.clear()


def get(app: Flask, path: str, **headers: str) -> TestResponse:
    return app.test_client().get(f"/api{path}", headers=headers)


def change(app: Flask, path: str) -> int:
    return app.test_client().post(f"/api{path}").status_code


def test_it_is_computed_once(doors: Flask) -> None:
    assert [get(doors, "/x/red/page/1").text for _ in range(3)] == ["page 1 1"] * 3
    assert get(doors, "/x/red/page/2").text == "page 2 2"


def test_a_committed_change_is_seen_by_the_next_read(doors: Flask) -> None:
    before = get(doors, "/x/red/5").text

    assert change(doors, "/x/red/5") == 200

    assert get(doors, "/x/red/5").text != before


@pytest.mark.parametrize("how", ["rollback", "fail"])
def test_a_change_that_came_to_nothing_makes_nothing_invalid(doors: Flask, how: str) -> None:
    before = get(doors, "/x/red/5").text

    change(doors, f"/x/red/5?how={how}")

    assert get(doors, "/x/red/5").text == before


def test_a_change_reaches_what_it_names_and_nothing_else(doors: Flask) -> None:
    paths = ("/x/red", "/x/red/page/1", "/x/red/page/2", "/x/red/6", "/x/blue", "/x/blue/page/1")
    before = {path: get(doors, path).text for path in paths}

    change(doors, "/x/red/5")

    renewed = {path for path in paths if get(doors, path).text != before[path]}
    assert renewed == {"/x/red", "/x/red/page/1", "/x/red/page/2"}


def test_each_person_query_and_part_is_told_apart(doors: Flask) -> None:
    answers = {
        get(doors, "/x/red").text,
        get(doors, "/x/red?a=1").text,
        get(doors, "/x/red?a=2").text,
        get(doors, "/x/red", **{"HX-Request": "true", "HX-Target": "div#a"}).text,
        get(doors, "/x/red", **{"HX-Request": "true", "HX-Target": "div#b"}).text,
    }

    assert len(answers) == 5
    assert get(doors, "/x/red?b=1&a=1").text == get(doors, "/x/red?a=1&b=1").text


def test_nobody_sees_what_somebody_else_was_told(doors: Flask) -> None:
    bob, carol = Browser(doors, "bob"), Browser(doors, "carol")
    said = {
        who: client.get("/x-pages/red").text for who, client in (("bob", bob), ("carol", carol))
    }

    assert [each.split()[2] for each in said.values()] == ["bob", "carol"]


@pytest.mark.parametrize(
    "kind", ["cookie", "stream", "no-store", "token", "large", "missing", "broken"]
)
def test_what_is_never_kept(doors: Flask, kind: str) -> None:
    first, second = (get(doors, f"/x/red/odd/{kind}").text for _ in range(2))

    assert first != second
    assert len(ANSWERS) == 2


def test_of_many_at_once_one_computes(doors: Flask) -> None:
    with ThreadPoolExecutor(8) as pool:
        said = set(pool.map(lambda _: get(doors, "/slow").text, range(8)))

    assert said == {"slow 1"}


def test_what_was_read_before_a_change_and_is_kept_after_it_is_not_served(doors: Flask) -> None:
    reading = threading.Thread(target=get, args=(doors, "/slow"))
    reading.start()
    time.sleep(0.1)
    with doors.app_context():
        versions.renew(["slow"])
    reading.join()

    assert get(doors, "/slow").text == "slow 2"


def test_a_version_that_was_lost_does_not_come_back(doors: Flask) -> None:
    get(doors, "/x/red/page/1")
    with doors.app_context():
        cache.delete("version/red_page:1")

    assert get(doors, "/x/red/page/1").text == "page 1 2"


class TestBrowsers:
    def test_what_is_everybodys_may_be_kept_by_anybody(self, doors: Flask) -> None:
        for _ in range(2):
            answer = get(doors, "/x/red/page/1")
            assert answer.headers["Cache-Control"] == "public, max-age=60"

    def test_everything_else_is_asked_for_again(self, doors: Flask) -> None:
        for _ in range(2):
            assert get(doors, "/x/red").headers["Cache-Control"] == "private, no-cache"

    def test_whoever_has_it_is_told_so(self, doors: Flask) -> None:
        etag = get(doors, "/x/red/page/1").headers["ETag"]
        same = get(doors, "/x/red/page/1", **{"If-None-Match": etag})
        change(doors, "/x/red/5")
        new = get(doors, "/x/red/page/1", **{"If-None-Match": etag})

        assert (same.status_code, same.data) == (304, b"")
        assert (new.status_code, new.text) == (200, "page 1 2")
        assert get(doors, "/x/red/page/1").text == "page 1 2"  # and was kept whole


@pytest.mark.server_only
class TestRedis:
    def test_a_change_in_one_process_is_seen_in_another(
        self, doors: Flask, mode_settings: dict[str, Any]
    ) -> None:
        other = with_doors(mode_settings)
        assert get(other, "/x/red/page/1").text == get(doors, "/x/red/page/1").text

        change(doors, "/x/red/5")

        assert get(other, "/x/red/page/1").text == "page 1 2"
        with other.app_context():
            db.engine.dispose()

    def test_without_redis_it_is_slower_and_changes_are_made_good(
        self, doors: Flask, servers: dict[str, Any]
    ) -> None:
        if not servers["redis"].is_ours:
            pytest.skip("This Redis is not ours to stop.")
        get(doors, "/x/red/page/1")
        servers["redis"].stop()
        try:
            assert [get(doors, "/x/red/page/1").text for _ in range(2)] == ["page 1 2", "page 1 3"]
            assert change(doors, "/x/red/5") == 200
        finally:
            servers["redis"].start()

        assert get(doors, "/x/red/page/1").text == "page 1 4"
        assert get(doors, "/x/red/page/1").text == "page 1 4"


class TestDevelopers:
    def test_what_makes_nothing_invalid_is_warned_of(self) -> None:
        app = Flask("somebody's")
        wrong = {"{shelf}_tings": None}
        view = cached("{id}_a", to_invalidate_extra=wrong, pattern_to_invalidate_extra=["b:*"])
        app.add_url_rule("/<id>/<shelf>", "change", view(lambda **_: ""), methods=["POST"])

        with capture_logs() as said:
            cache_rules.init_app(app)

        assert [each["name"] for each in said] == ["b:*", "{shelf}_tings"]

    def test_a_name_needs_what_is_in_the_address(self) -> None:
        app = Flask("somebody's")
        app.add_url_rule("/<id>", "show", cached("{shelf}_a")(lambda **_: ""))

        with pytest.raises(ValueError, match="has no shelf to be cached by"):
            cache_rules.init_app(app)

    @pytest.mark.parametrize("pattern", ["a", "*a", "a*b", "*a*"])
    def test_a_pattern_is_a_beginning(self, pattern: str) -> None:
        with pytest.raises(ValueError, match="has to end with its only"):
            cached("a", pattern_to_invalidate_extra=[pattern])


def test_the_application_itself_is_not_warned(app: Flask) -> None:
    with capture_logs() as said:
        cache_rules.init_app(app)

    assert said == []
    with app.app_context():
        assert db.session.scalars(select(Tier.id)).all()
