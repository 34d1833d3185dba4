"""Answers of views are kept, for whom they are meant, until a change that was committed."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, abort, after_this_request, request, session
from flask_wtf.csrf import generate_csrf
from werkzeug.test import TestResponse

from app import cache_names, create_app, kept, versions
from app.access import open_to_strangers, sign_in_required
from app.cached import cached, forget
from app.config import load_settings
from app.extensions import cache, csrf, db
from app.htmx import wants_part
from app.users.models import User
from tests.people import Browser
from tests.tokens.deeds import bearing, token_of

made: Counter[str] = Counter()
waits: dict[str, Callable[[], Any]] = {}


def name_of(username: str) -> str:
    return str(db.session.scalar(db.select(User.name).where(User.username == username)))


def doors() -> Blueprint:
    """What an adopter might write."""
    known = Blueprint("notes", __name__, url_prefix="/api/v1/notes")

    @known.get("/<username>")
    @open_to_strangers
    @cached(key_prefix="{username}_notes:page_{page}", expiration=60, shared=True)
    def index(username: str) -> str:
        made[f"list of {username}"] += 1
        return f"{name_of(username)}, page {request.args.get('page')}"

    @known.get("/<username>/<int:id>")
    @open_to_strangers
    @cached(key_prefix="{username}_note", resource_id_name="id", expiration=60, shared=True)
    def show(username: str, id: int) -> str:
        made[f"note {id}"] += 1
        said = f"{name_of(username)} {id}{' (part)' if wants_part() else ''}"
        waits.get("reading", str)()
        return said

    @known.route("/<username>/<int:id>", methods=["PATCH", "PUT", "DELETE"])
    @open_to_strangers
    @cached(
        key_prefix="{username}_note",
        resource_id_name="id",
        to_invalidate_extra={"{username}_card": "{username}"},
        pattern_to_invalidate_extra=["{username}_notes:*"],
    )
    def update(username: str, id: int) -> Any:
        user = db.session.scalars(User.by_username(username)).unique().one()
        user.name = request.args["name"]
        how = request.args.get("how", "")
        db.session.rollback() if how == "rolled back" else db.session.commit()
        return Response("", 303 if how == "see other" else int(how) if how.isdigit() else 204)

    @known.get("/<username>/card")
    @open_to_strangers
    @cached(key_prefix="{username}_card", resource_id_name="username", shared=True)
    def card(username: str) -> str:
        made["card"] += 1
        return name_of(username)

    @known.get("/mine")
    @sign_in_required
    @cached(key_prefix="mine")
    def mine() -> str:
        from flask_login import current_user

        made["mine"] += 1
        return f"{current_user.username}, {current_user.name}"

    return known


def odd_answers() -> Blueprint:
    """What is never kept, and one of the same kind that is."""
    known = Blueprint("odd", __name__, url_prefix="/odd")

    def cookie_later() -> str:
        @after_this_request
        def add(response: Response) -> Response:
            response.set_cookie("later", "1")
            return response

        return "x"

    kinds: dict[str, Callable[[], Any]] = {
        "usual": lambda: "x",
        "cookie": lambda: Response("x", headers={"Set-Cookie": "a=b"}),
        "cookie later": cookie_later,
        "session": lambda: str(session.update(seen="1")),
        "token": lambda: f'<input value="{generate_csrf()}">',
        "refused": lambda: ("x", 422),
        "missing": lambda: abort(404),
        "stream": lambda: Response(iter(["x", "y"])),
        "no-store": lambda: Response("x", headers={"Cache-Control": "no-store"}),
        "private": lambda: Response("x", headers={"Cache-Control": "private"}),
        "large": lambda: "x" * 100_001,
        "elsewhere": lambda: Response("", 302, {"Location": "/"}),
    }

    @known.get("/<kind>")
    @open_to_strangers
    @cached(key_prefix="odd", shared=True)
    def show(kind: str) -> Any:
        made[kind] += 1
        return kinds[kind]()

    @known.get("/remember/<who>")
    @open_to_strangers
    def remember(who: str) -> str:
        session["who"] = who
        return who

    @known.get("/remembered")
    @open_to_strangers
    @cached(key_prefix="remembered")
    def remembered() -> str:
        return str(session.get("who", "nobody"))

    known.kinds = kinds  # type: ignore[attr-defined]
    return known


def site_of(settings: dict[str, Any]) -> Flask:
    site = create_app(load_settings(**settings))
    notes = doors()
    csrf.exempt(notes)
    for blueprint in (notes, odd_answers()):
        site.register_blueprint(blueprint)
    cache_names.check(site)
    return site


@pytest.fixture(scope="module")
def sites(mode_settings: dict[str, Any]) -> Iterator[tuple[Flask, Flask]]:
    """Two processes of one site; embedded there is only one."""
    site = site_of(mode_settings)
    other = site_of(mode_settings) if "redis_cache_url" in mode_settings else site
    yield site, other
    for each in {site, other}:
        with each.app_context():
            db.engine.dispose()


@pytest.fixture
def site(app: Flask, sites: tuple[Flask, Flask]) -> Flask:
    with sites[0].app_context():
        cache.clear()
    made.clear()
    waits.clear()
    return sites[0]


@pytest.fixture
def other(site: Flask, sites: tuple[Flask, Flask]) -> Flask:
    return sites[1]


def ask(site: Flask, path: str, by: str = "", how: str = "GET", **headers: str) -> TestResponse:
    sent = {**(bearing(token_of(site, by)) if by else {}), **headers}
    return site.test_client().open(f"/api/v1/notes{path}", method=how, headers=sent)


def read(site: Flask, path: str, **options: Any) -> str:
    answer = ask(site, path, **options)
    assert answer.status_code == 200
    return answer.text


def rename(site: Flask, name: str, how: str = "", who: str = "bob", number: int = 1) -> None:
    ask(site, f"/{who}/{number}?name={name}&how={how}", how="PATCH")


# Keeping


def test_get_and_head_are_answered_by_what_was_made_once(site: Flask) -> None:
    first = ask(site, "/bob/1")
    again, head = ask(site, "/bob/1"), ask(site, "/bob/1", how="HEAD")

    assert first.text == again.text == "Bob Baker 1"
    assert (head.data, head.headers["ETag"]) == (b"", first.headers["ETag"])
    assert first.headers["Content-Type"] == again.headers["Content-Type"]
    assert made["note 1"] == 1


def test_addresses_queries_hosts_and_parts_are_kept_apart(site: Flask) -> None:
    for path in ("/bob?page=1", "/bob?page=2", "/carol?page=1", "/bob?page=1&x=2"):
        read(site, path)
    assert (made["list of bob"], made["list of carol"]) == (3, 1)
    assert read(site, "/bob?x=2&page=1") == "Bob Baker, page 1"  # the order says nothing
    assert made["list of bob"] == 3

    assert read(site, "/bob/1") == "Bob Baker 1"
    assert read(site, "/bob/1", **{"HX-Request": "true"}) == "Bob Baker 1 (part)"
    assert read(site, "/bob/1", Host="127.0.0.1") == "Bob Baker 1"
    assert made["note 1"] == 3


def test_each_person_has_their_own(site: Flask) -> None:
    for by, name in (("bob", "Bob Baker"), ("carol", "Carol Cooper"), ("bob", "Bob Baker")):
        assert read(site, "/mine", by=by) == f"{by}, {name}"
    assert made["mine"] == 2
    assert ask(site, "/mine").status_code == 401

    rename(site, "Robert")  # no change of "mine": but it is as if another person looked

    assert read(site, "/mine", by="bob") == "bob, Robert"


def test_what_is_asked_above_it_would_not_be_asked_of_everybody() -> None:
    with pytest.raises(TypeError, match="stands under"):
        cached(key_prefix="x", shared=True)(sign_in_required(lambda: ""))


def test_what_may_not_be_kept_is_made_each_time(site: Flask) -> None:
    kinds = site.blueprints["odd"].kinds  # type: ignore[attr-defined]
    bob = Browser(site, "bob")  # whose session has its token already: no cookie betrays it
    for kind in kinds:
        for _ in range(2):
            bob.get(f"/odd/{kind}").get_data()

    assert {kind for kind in kinds if made[kind] == 1} == {"usual"}


def test_what_a_stranger_has_in_their_session_is_told_to_nobody_else(site: Flask) -> None:
    one, other = site.test_client(), site.test_client()
    one.get("/odd/remember/me")
    for _ in range(2):  # the first time the session itself changes
        assert one.get("/odd/remembered").text == "me"

    assert other.get("/odd/remembered").text == "nobody"


# Forgetting


@pytest.mark.parametrize("how", ["", "see other"])
def test_a_committed_change_is_seen_by_the_very_next_read(
    site: Flask, other: Flask, how: str
) -> None:
    paths = ("/bob/1", "/bob?page=1", "/bob/card", "/bob/2", "/carol?page=1")
    before = [read(other, path) for path in paths]
    rename(site, "Robert", how)

    assert read(other, "/bob/1") == read(site, "/bob/1") == "Robert 1"
    assert read(other, "/bob?page=1") == "Robert, page 1"
    assert read(other, "/bob/card") == "Robert"
    assert [read(other, path) for path in paths[3:]] == before[3:]  # not named: kept
    assert (made["note 2"], made["list of carol"], made["note 1"]) == (1, 1, 2)


@pytest.mark.parametrize("how", ["rolled back", "409", "500"])
def test_a_change_that_was_not_made_or_went_wrong_takes_nothing_away(site: Flask, how: str) -> None:
    read(site, "/bob/1")
    rename(site, "Robert", how)

    assert read(site, "/bob/1") == "Bob Baker 1"
    assert made["note 1"] == 1


def test_a_slow_reader_leaves_nothing_old_behind(site: Flask, other: Flask) -> None:
    reading, changed = threading.Event(), threading.Event()

    def wait() -> None:
        waits.clear()
        reading.set()
        changed.wait(10)

    waits["reading"] = wait
    slow = threading.Thread(target=read, args=(site, "/bob/1"))
    slow.start()
    assert reading.wait(10)
    rename(other, "Robert")
    changed.set()
    slow.join()

    assert read(site, "/bob/1") == read(other, "/bob/1") == "Robert 1"


def test_a_version_that_was_lost_matches_nothing_old(site: Flask) -> None:
    read(site, "/bob/1")
    with site.app_context():
        user = db.session.scalars(User.by_username("bob")).unique().one()
        user.name = "Robert"
        db.session.commit()
        cache.delete("cached:{bob_note}")  # as if it had been thrown out

    assert read(site, "/bob/1") == "Robert 1"


def test_what_a_task_changed_is_forgotten_by_hand(site: Flask, other: Flask) -> None:
    before = [read(other, path) for path in ("/bob/1", "/bob/2")]
    with site.app_context():
        forget("{username}_note", "id", username="bob", id=1)

    assert [read(other, path) for path in ("/bob/1", "/bob/2")] == before
    assert (made["note 1"], made["note 2"]) == (2, 1)


# Many at once


def at_once(sites: list[Flask], path: str) -> list[str]:
    said: list[str] = []
    threads = [
        threading.Thread(target=lambda each=each: said.append(ask(each, path).text))
        for each in sites
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return said


def test_of_many_who_ask_at_once_one_makes_it(site: Flask, other: Flask) -> None:
    waits["reading"] = lambda: time.sleep(0.2)

    said = at_once([site, other] * 4, "/bob/7")

    assert said == ["Bob Baker 7"] * 8
    assert made["note 7"] == 1

    with site.app_context():  # who looked just before it was kept finds it before making it again
        kept.Place("place", "1", 60).keep("what was made")
        assert kept.Place("place", "1", 60).awaited() == "what was made"


def test_nobody_waits_for_ever_for_one_who_does_not_return(
    site: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "PATIENCE", 0.1)
    stuck = threading.Event()
    first = iter([lambda: stuck.wait(10)])
    waits["reading"] = lambda: next(first, str)()
    slow = threading.Thread(target=read, args=(site, "/bob/8"))
    slow.start()
    while not made["note 8"]:
        time.sleep(0.01)

    assert read(site, "/bob/8") == "Bob Baker 8"
    stuck.set()
    slow.join()
    assert made["note 8"] == 2


def test_nobody_waits_for_what_cannot_be_kept(site: Flask) -> None:
    began = time.monotonic()
    several = [
        threading.Thread(target=site.test_client().get, args=("/odd/large",)) for _ in range(2)
    ]
    for thread in several:
        thread.start()
    for thread in several:
        thread.join()

    assert made["large"] == 2
    assert time.monotonic() - began < 2


# Without the cache


@pytest.mark.server_only
def test_without_redis_it_is_slower_and_a_change_is_made_up_for(site: Flask, redis: Any) -> None:
    read(site, "/bob/1")
    redis.stop()
    with heard(versions) as logs:
        assert [read(site, "/bob/1") for _ in range(2)] == ["Bob Baker 1"] * 2
        rename(site, "Robert")
        assert read(site, "/bob/1") == "Robert 1"
    assert {each["event"] for each in logs} >= {"cache.away"}
    with site.app_context():
        assert "cached:{bob_note}:1" in versions.reach().owed
    redis.start()
    with site.app_context():
        versions.reach().away_until = 0.0
    assert [read(site, "/bob/1") for _ in range(2)] == ["Robert 1"] * 2
    with site.app_context():
        assert versions.reach().owed == set()


# At the start


@contextmanager
def heard(module: Any) -> Iterator[list[dict[str, Any]]]:
    """What the module warns of, also if it has warned before: its logger is kept from then on."""
    said: list[dict[str, Any]] = []

    class Ear:
        def warning(self, event: str, **facts: Any) -> None:
            said.append({"event": event, **facts})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "log", Ear())
        yield said


def started(app_of: dict[str, Any], **rule: Any) -> list[dict[str, Any]]:
    """What is said at the start of a site with one more door."""
    site = create_app(load_settings(**app_of))
    more = Blueprint("more", __name__)

    @more.post("/more/<username>")
    @cached(**rule)
    def change(username: str) -> str:
        return username

    site.register_blueprint(more)
    site.register_blueprint(doors())
    with heard(cache_names) as logs:
        cache_names.check(site)
    return [each for each in logs if each["event"] == "cache.reaches_nothing"]


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_a_change_that_reaches_nothing_is_told_at_the_start(mode_settings: dict[str, Any]) -> None:
    said = started(
        mode_settings,
        key_prefix="{username}_lost",
        to_invalidate_extra={"{username}_gone": "username", "{username}_card": "username"},
        pattern_to_invalidate_extra=["{username}_no*", "nothing:*", "zzz*"],
    )

    names = [each["name"] for each in said]
    assert names == ["{username}_lost", "{username}_gone", "nothing:*", "zzz*"]
    assert {each["door"] for each in said} == {"more.change"}
    with pytest.raises(ValueError, match="not in /more"):
        started(mode_settings, key_prefix="{id}_notes")
    with pytest.raises(ValueError, match="ends with its only"):
        started(mode_settings, key_prefix="x", pattern_to_invalidate_extra=["*_notes"])


def test_the_application_itself_says_no_such_thing(mode_settings: dict[str, Any]) -> None:
    with heard(cache_names) as logs:
        create_app(load_settings(**mode_settings))

    assert [each for each in logs if each["event"] == "cache.reaches_nothing"] == []


# At the client


def test_only_what_strangers_share_may_be_kept_by_everybody(site: Flask, app: Flask) -> None:
    shared, own = ask(site, "/bob/1"), ask(site, "/mine", "bob")
    tiers = site.test_client().get("/api/v1/tiers", headers=bearing(token_of(site, "bob")))
    page = Browser(site, "bob").get("/")

    assert shared.headers["Cache-Control"] == "public, max-age=60"
    assert {"HX-Request", "HX-History-Restore-Request"} <= set(shared.vary)
    assert own.headers["Cache-Control"] == "private, no-store"
    assert tiers.headers["Cache-Control"] == "private, no-cache"
    assert page.headers["Cache-Control"] == "private, no-store"
    assert ("ETag" in tiers.headers, "ETag" in own.headers, "ETag" in page.headers) == (1, 0, 0)


def test_whoever_has_it_already_is_told_so_until_it_changes(site: Flask) -> None:
    tag = {"If-None-Match": ask(site, "/bob/1").headers["ETag"]}

    again = ask(site, "/bob/1", **tag)
    rename(site, "Robert")
    changed = ask(site, "/bob/1", **tag)

    assert (again.status_code, again.data, changed.status_code) == (304, b"", 200)
    assert again.headers["Cache-Control"] == "public, max-age=60"


# Parts and functions


def test_a_part_is_drawn_once_for_each_version(site: Flask) -> None:
    drawn = Counter[str]()

    def shown(version: object, token: str = "") -> str:
        text = "{% call kept('part', version) %}<b>{{ draw() }}{{ token }}</b>{% endcall %}"

        def draw() -> str:
            drawn[str(version)] += 1
            return f"{version} <"

        return site.jinja_env.from_string(text, {"draw": draw}).render(version=version, token=token)

    with site.test_request_context("/"):
        assert shown(1) == shown(1) == "<b>1 &lt;</b>"
        assert shown(2) == "<b>2 &lt;</b>"
        assert shown(None) == shown(None)
        assert all(generate_csrf() in shown(3, generate_csrf()) for _ in range(2))

    assert drawn == {"1": 1, "2": 1, "None": 2, "3": 2}


def test_the_comparison_of_tiers_is_drawn_again_once_a_tier_changes(
    app: Flask, bob: Browser, alice: Browser
) -> None:
    before = bob.get("/compare").text
    alice.post("/tiers", {"name": "gold"})

    assert "Gold" not in before
    assert "Gold" in bob.get("/compare").text


def test_programs_see_a_new_tier_at_once(app: Flask, alice: Browser) -> None:
    def names() -> list[str]:
        answer = app.test_client().get("/api/v1/tiers", headers=bearing(token_of(app, "bob")))
        return [each["name"] for each in answer.json["data"]]

    assert names() == names() == ["free", "pro"]
    alice.post("/tiers", {"name": "gold"})
    assert names() == ["free", "pro", "gold"]
