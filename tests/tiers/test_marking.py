"""One mark on a view, of a page or of the API: what it costs, whose count it shares, who counts."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Blueprint, Flask

from app import create_app
from app.access import sign_in_required
from app.config import load_settings
from app.extensions import csrf, db
from app.tiers.marking import collect, limited
from app.tiers.models import Tier
from app.tiers.routes import NoSuchRoute, limited_routes, route_answering, route_named
from tests.auth.programs import Program
from tests.jobs.deeds import start
from tests.people import Browser
from tests.tiers.screen import set_limit, words_of
from tests.tokens.deeds import bearing

EXPORT, DRAFT = "/reports", "/api/v1/reports/spring"
MINE = "/api/v1/rate_limits/me"


def pages_and_api() -> tuple[Blueprint, Blueprint]:
    """A feature that a project adds: an export at two doors, and a door with nothing said of it."""
    pages = Blueprint("reports", "reports", url_prefix="/reports")
    api = Blueprint("reports_api", "reports_api", url_prefix="/api/v1/reports")

    @pages.post("")
    @limited("Exported reports", again="export another report", cost=3)
    @sign_in_required
    def export() -> str:
        return "exported"

    @api.post("/<name>")
    @limited(group="reports.export")
    @sign_in_required
    def draft(name: str) -> str:
        return name

    @pages.get("/old_ones")
    @limited()
    def list_old_ones() -> str:
        return "old"

    @pages.get("/secret-plans")
    @sign_in_required
    def secret_plans() -> str:
        return "nobody counts this"

    return pages, api


@pytest.fixture(scope="module")
def site(prepared_app: Flask, mode_settings: dict[str, Any]) -> Iterator[Flask]:
    """The application with one feature more."""
    app = create_app(load_settings(**mode_settings))
    pages, api = pages_and_api()
    csrf.exempt(api)
    app.register_blueprint(pages)
    app.register_blueprint(api)
    collect(app)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def marked(app: Flask, site: Flask) -> Flask:
    """That application, whose clock stands too, with the cast and nothing counted."""
    store = site.extensions["counters"]
    store.reset()
    store.clock = app.extensions["counters"].clock
    return site


def draft(site: Flask, token: str = "") -> Any:
    return site.test_client().post(DRAFT, headers=bearing(token) if token else {})


def test_a_call_takes_what_it_costs(marked: Flask) -> None:
    bob, program = Browser(marked, "bob"), Program(marked, "bob")
    answers = [bob.post(EXPORT) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["7", "4", "1", "1"]
    assert "This takes 3 of them, and 1 is left." in words_of(answers[3].text)
    assert "this takes 3 where 1 is left" in words_of(bob.htmx_post(EXPORT).text)
    assert draft(marked, program.access).status_code == 200
    assert draft(marked, program.access).status_code == 429


def test_a_call_that_costs_more_than_the_limit_takes_all_of_it(marked: Flask) -> None:
    set_limit(marked, "free", 2, 3600, route="reports.export")
    bob = Browser(marked, "bob")

    answers = [bob.post(EXPORT) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["0", "0"]


def test_a_group_has_one_rule_one_count_and_one_meter(marked: Flask) -> None:
    set_limit(marked, "free", 4, 3600, route="reports.export")
    bob, program = Browser(marked, "bob"), Program(marked, "bob")
    assert bob.post(EXPORT).status_code == 200
    answer = draft(marked, program.access)

    assert answer.headers["RateLimit"].startswith('"reports.export";r=0;')
    assert bob.post(EXPORT).status_code == 429
    meters = words_of(bob.get("/quotas").text)
    assert meters.count("Exported reports") == 1
    assert "Exported reports POST /reports POST /api/v1/reports/<name> 4 per hour" in meters
    told = marked.test_client().get(MINE, headers=bearing(program.access)).json["data"]
    (mine,) = [each for each in told if each["used"]]
    assert (mine["endpoint"], mine["used"], mine["limit"]) == ("reports.export", 4, 4)


def test_the_exhausted_stand_first_and_the_observed_last(marked: Flask) -> None:
    set_limit(marked, "free", 3, 3600, route="reports.export")
    set_limit(marked, "free", 1, 3600)
    with marked.app_context():
        limit = db.session.scalars(Tier.by_name("free")).one().limit_for("jobs.start")
        assert limit
        limit.observed = True
        db.session.commit()
    bob, program = Browser(marked, "bob"), Program(marked, "bob")
    assert [bob.post("/tasks", {"task": "demonstration"}).status_code for _ in "ab"] == [303, 303]
    bob.post(EXPORT)
    told = marked.test_client().get(MINE, headers=bearing(program.access)).json["data"]

    order = [each["endpoint"] for each in told]
    assert order == ["reports.export", "reports.list_old_ones", "jobs.start"]


def test_strangers_count_before_they_are_asked_to_sign_in(marked: Flask) -> None:
    stranger = Browser(marked)
    pages = [stranger.post(EXPORT) for _ in range(4)]
    programs = [draft(marked), draft(marked)]

    assert [page.status_code for page in pages] == [303, 303, 303, 429]
    assert [answer.status_code for answer in programs] == [401, 429]
    refused = programs[1]
    assert refused.json["detail"] == "Rate limit exceeded."
    assert (refused.json["limit"], refused.json["period"]) == (10, 3600)
    assert refused.json["retry_after"] == int(refused.headers["Retry-After"]) >= 1
    assert refused.headers["RateLimit-Policy"] == '"reports.export";q=10;w=3600'


def test_without_words_the_endpoint_is_the_name(marked: Flask) -> None:
    with marked.app_context():
        route = limited_routes()["reports.list_old_ones"]

    assert (route.name, route.again) == ("Reports: list old ones", "try again")


def test_only_marked_routes_are_offered(marked: Flask) -> None:
    alice = Browser(marked, "alice")
    pages = [alice.get(path).text for path in ("/tiers/pro", "/compare", "/quotas")]

    assert all("/reports/old_ones" in page for page in pages)
    assert not any("secret" in page for page in pages)
    with marked.app_context():
        assert not any("secret" in route.label for route in limited_routes().values())
        with pytest.raises(NoSuchRoute, match="Choose one of") as refusal:
            route_named("/reports/secret-plans")
    assert not any("secret" in path for path in refusal.value.near)


@pytest.mark.parametrize("meant", ["/reports", "api_v1_reports_<name>", DRAFT])
def test_the_picker_takes_any_address_of_a_group(marked: Flask, meant: str) -> None:
    alice = Browser(marked, "alice")
    numbers = {"route": meant, "limit": 5, "every": 1, "unit": "hours"}

    assert alice.post("/tiers/pro/limits", numbers).status_code == 303
    assert "Exported reports" in words_of(alice.get("/tiers/pro").text)
    with marked.app_context():
        assert route_named(meant).key == "reports.export"


def test_polling_meters_and_quota_reads_cost_nothing(app: Flask, bob: Browser) -> None:
    headers, job = bearing(Program(app, "bob").access), start(app, "demonstration")
    for path in (f"/tasks/{job}", "/quotas", "/", f"/tasks/{job}?said=Queued"):
        assert "RateLimit" not in bob.htmx_get(path).headers
    for path in (f"/api/v1/tasks/task/{job}", MINE):
        answer = app.test_client().get(path, headers=headers)
        assert (answer.status_code, "RateLimit" in answer.headers) == (200, False)

    (mine,) = app.test_client().get(MINE, headers=headers).json["data"]
    assert mine["used"] == 0


# At start, and without any of the cast


def with_views(**marks: Callable[..., Any] | None) -> Flask:
    """An application with a view by each of these names, marked so."""
    app = Flask("small")
    for name, mark in marks.items():
        view = mark(lambda: "") if mark else lambda: ""
        app.add_url_rule(f"/{name}", name, view)
    return app


@pytest.mark.parametrize(
    ("marks", "sentence"),
    [
        ({"first": None}, "second: there is no limited route first to share with"),
        ({}, "second: there is no limited route first to share with"),
        (
            {"zero": limited(), "first": limited(group="zero")},
            "second: first counts with zero. Name that one",
        ),
    ],
)
def test_a_group_without_a_first_one_is_refused(
    marks: dict[str, Callable[..., Any] | None], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        collect(with_views(**marks, second=limited(group="first")))


@pytest.mark.parametrize("words", [{"name": "Others"}, {"again": "do other things"}])
def test_a_group_has_one_name(words: dict[str, str]) -> None:
    first = limited("Reports", again="export")
    collect(with_views(first=first, second=limited("Reports", again="export", group="first")))

    with pytest.raises(ValueError, match="second: it shares the limit of first, and so its words"):
        collect(with_views(first=first, second=limited(**words, group="first")))


def test_a_mark_under_another_decorator_is_refused() -> None:
    inside = with_views(first=lambda view: sign_in_required(limited()(view)))

    with pytest.raises(ValueError, match="first: put @limited above the other decorators"):
        collect(inside)


@pytest.mark.parametrize("cost", [0, -1])
def test_a_call_costs_something(cost: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        limited(cost=cost)


@pytest.fixture
def addresses() -> Iterator[Flask]:
    """Addresses that look alike, each limited for itself but for the last, and one that is not."""
    app = Flask("addresses")
    for endpoint, path, method in (
        ("notes.create", "/notes", "POST"),
        ("notes.index", "/notes", "GET"),
        ("collide.a", "/a_b/c", "GET"),
        ("collide.b", "/a/b_c", "GET"),
        ("api.show", "/api/v1/user/<username>", "GET"),
        ("api.number", "/api/v1/post/<int:id>", "GET"),
    ):
        app.add_url_rule(path, endpoint, limited()(lambda: ""), methods=[method])
    app.add_url_rule("/api/v1/user/me", "api.me", lambda: "")
    app.add_url_rule("/more", "api.more", limited(group="api.show")(lambda: ""))
    collect(app)
    with app.app_context():
        yield app


@pytest.mark.usefixtures("addresses")
@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("notes.create", "notes.create"),
        ("Notes.Create", "notes.create"),
        ("notes_create", "notes.create"),
        ("post /notes", "notes.create"),
        ("GET notes/", "notes.index"),
        ("/a_b/c", "collide.a"),
        ("a/b_c", "collide.b"),
        ("api/v1/user/<username>", "api.show"),
        ("/api/v1/user/{username}", "api.show"),
        ("api_v1_user_<string:username>", "api.show"),
        ("api/v1/user/bob", "api.show"),
        ("GET /api/v1/user/bob", "api.show"),
        ("api/v1/post/7", "api.number"),
        ("more", "api.show"),
        ("api.more", "api.show"),
    ],
)
def test_a_route_is_meant_by_any_way_to_write_it(text: str, key: str) -> None:
    assert route_named(text).key == key


@pytest.mark.usefixtures("addresses")
@pytest.mark.parametrize(
    ("text", "problem", "near"),
    [
        ("/notes", "More than one limited route matches", ["POST /notes", "GET /notes"]),
        ("a_b_c", "More than one limited route matches", ["GET /a_b/c", "GET /a/b_c"]),
        ("/note", "No limited route matches", ["/notes"]),
        ("DELETE /notes", "No limited route is", ["POST /notes", "GET /notes"]),
        ("api/v1/user/me", "No limited route matches", ["/api/v1/user/<username>"]),
        ("api/v1/post/seven", "No limited route matches", ["/api/v1/post/<int:id>"]),
        ("x" * 100_000, "No limited route matches", ["/notes", "/a_b/c"]),
    ],
)
def test_what_is_unknown_or_ambiguous_is_answered_with_the_nearest(
    text: str, problem: str, near: list[str]
) -> None:
    with pytest.raises(NoSuchRoute, match=problem) as refusal:
        route_named(text)

    assert set(near) <= set(refusal.value.near)
    assert len(refusal.value.description or "") < 500


@pytest.mark.usefixtures("addresses")
def test_a_request_is_explained_by_any_way_to_write_it_too() -> None:
    for path in ("/api/v1/user/bob", "api_v1_user_<username>", "api.show"):
        found = route_answering("get", path)
        assert found
        assert found.key == "api.show"
    assert route_answering("GET", "/api/v1/user/me") is None
