"""What can go wrong is told in plain words, in the caller's own kind, and never as a trace."""

import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, abort, request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import BadRequest
from werkzeug.test import TestResponse

from app import create_app
from app.auth.models import Session
from app.config import load_settings
from app.extensions import db
from app.programs import TOLD_PROGRAMS
from tests.people import Browser

HTMX = {"HX-Request": "true"}
LISTS = ("/users", "/tiers", "/tasks", "/quotas", "/compare", "/", "/sign-in", "/system")
SENTENCES = {
    400: "could not be read",
    403: "may not open",
    404: "no page at this address",
    405: "does not take that kind of request",
    413: "more than this form takes",
    415: "does not take that kind of content",
    500: "went wrong on our side",
    503: "database does not answer",
}


@pytest.fixture(scope="module")
def breaking(mode_settings: dict[str, Any], prepared_app: Flask) -> Iterator[Flask]:
    """The application with doors that fail on purpose, below pages and below /api/."""
    app = create_app(load_settings(**mode_settings))
    app.config["PROPAGATE_EXCEPTIONS"] = False

    def fail(status: int) -> str:
        abort(status)

    def surprise() -> str:
        raise RuntimeError("a secret of the machine room")

    for start in ("", "/api"):
        app.add_url_rule(f"{start}/fail/<int:status>", f"{start}fail", fail)
        app.add_url_rule(f"{start}/surprise", f"{start}surprise", surprise)
    yield app
    with app.app_context():
        db.engine.dispose()


def is_page(answer: TestResponse) -> bool:
    return answer.text.startswith("<!doctype html>") and answer.text.count("</html>") == 1


# Every kind of failure to every kind of caller


@pytest.mark.parametrize("status", sorted(SENTENCES))
def test_a_person_gets_a_page(breaking: Flask, status: int) -> None:
    answer = breaking.test_client().get(f"/fail/{status}")

    assert answer.status_code == status
    assert is_page(answer)
    assert SENTENCES[status] in answer.text
    assert str(status) in answer.text


@pytest.mark.parametrize("status", sorted(SENTENCES))
def test_htmx_gets_a_sentence(breaking: Flask, status: int) -> None:
    answer = breaking.test_client().get(f"/fail/{status}", headers=HTMX)

    assert answer.status_code == status
    assert SENTENCES[status] in answer.text
    assert 'role="alert"' in answer.text
    assert "<html" not in answer.text


@pytest.mark.parametrize("status", sorted(SENTENCES))
def test_a_program_gets_json(breaking: Flask, status: int) -> None:
    answer = breaking.test_client().get(f"/api/fail/{status}")

    assert answer.status_code == status
    assert answer.is_json
    said = TOLD_PROGRAMS.get(status) or SENTENCES[status]
    assert said in answer.json["detail"]
    assert "page" not in said
    assert answer.json["request_id"] == answer.headers["X-Request-ID"]


@pytest.mark.parametrize("path", ["/surprise", "/api/surprise"])
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_surprise_tells_its_number_and_nothing_else(
    breaking: Flask, path: str, headers: dict[str, str]
) -> None:
    answer = breaking.test_client().get(path, headers=headers)

    assert answer.status_code == 500
    assert "machine room" not in answer.text
    assert "Traceback" not in answer.text
    assert "RuntimeError" not in answer.text
    if headers == {} or path.startswith("/api"):
        assert answer.headers["X-Request-ID"] in answer.text


def test_a_failing_error_page_still_answers(breaking: Flask, monkeypatch: Any) -> None:
    monkeypatch.setitem(breaking.jinja_env.globals, "asset", None)

    answer = breaking.test_client().get("/fail/404")

    assert answer.status_code == 500
    assert answer.mimetype == "text/plain"
    assert answer.headers["X-Request-ID"] in answer.text
    assert "Content-Security-Policy" in answer.headers


def test_too_often_is_told_to_everyone_in_their_kind(stranger: Browser) -> None:
    for _ in range(11):
        page = stranger.post("/sign-in", {"login": "bob", "password": "wrong"})
    part = stranger.htmx_post("/sign-in", {"login": "bob", "password": "wrong"})

    assert page.status_code == part.status_code == 429
    assert int(page.headers["Retry-After"]) >= 1
    assert int(part.headers["Retry-After"]) >= 1
    assert is_page(page)
    assert part.headers["HX-Retarget"] == "#notice"
    assert "<html" not in part.text
    assert "wrong" not in page.text.split("<body", 1)[1].replace("too many", "")


# 404 and 403


def test_an_address_that_is_not_there_is_repeated_as_text(alice: Browser, bob: Browser) -> None:
    for person in (alice, bob):
        answer = person.get("/nowhere/<script>alert(1)</script>")

        assert answer.status_code == 404
        assert "/nowhere/&lt;script&gt;" in answer.text
        assert "<script>alert" not in answer.text


def test_close_matches_are_shown_to_operators_only(
    alice: Browser, bob: Browser, stranger: Browser
) -> None:
    assert 'href="/users/mallory"' in alice.get("/users/malory").text
    for person in (bob, stranger):
        for path in ("/users/malory", "/malory"):
            assert "mallory" not in person.get(path, follow_redirects=True).text


def test_what_only_operators_may_open_is_refused_in_the_persons_own_page(bob: Browser) -> None:
    answer = bob.get("/users")

    assert answer.status_code == 403
    assert "Only operators can open this" in answer.text
    assert 'aria-label="Main"' in answer.text


def test_the_wrong_method_says_which_are_right(stranger: Browser) -> None:
    answer = stranger.client.open("/healthz", method="DELETE")

    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


# Hostile input

HOSTILE_PATHS = (
    *("/users/%00", "/users/%ed%a0%80", "/users/%ff%fe", "/tasks/%00", "/tiers/%00/limits/1/edit"),
    *("/tiers/%2e%2e", "/tiers/free/limits/99999999999999999999/edit", "/users/a%0d%0ab", "//evil"),
    *("/users/" + "a" * 5000, "/static/%00", "/static/..%2f..%2f.env", "/welcome/%00", "/%5c"),
    *(
        "/welcome/" + "x." * 2000,
        "/users?q=%00",
        "/users?q=%ed%a0%80",
        "/users?%ff=1",
        "/tasks?page=%00",
    ),
)
HOSTILE_QUERIES = (
    *("page=-1", "page=0", "page=99999999999999999999", "page=1e9", "page=٣", "page=", "page=%31"),
    *("page=" + "9" * 5000, "sort=--name", "sort=;drop", "state=%27", "tier=%25", "seen=NaN"),
    *("q=" + "%25_" * 3000, "q=" + "a+" * 5000, "edit=" + "b" * 3000, "rename", "edit=%2700"),
    *("&".join(f"x{number}=1" for number in range(3000)), "=&==&&", "%", "%zz=%", "q=%f0%9f%98%80"),
)


@pytest.mark.parametrize("path", HOSTILE_PATHS, ids=lambda path: path[:40])
def test_a_hostile_path_is_refused_without_a_failure(alice: Browser, path: str) -> None:
    answer = alice.get(path)

    assert answer.status_code < 500
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("path", LISTS)
def test_hostile_queries_of_lists_never_fail(alice: Browser, path: str) -> None:
    for number, query in enumerate(HOSTILE_QUERIES):
        ask = alice.get if number % 2 else alice.htmx_get
        assert ask(f"{path}?{query}").status_code < 500, query


def test_an_absurd_page_is_the_last_one(alice: Browser) -> None:
    answer = alice.get("/users?page=99999999")

    assert answer.status_code == 200
    assert "Bob Baker" in answer.text


word = st.text(max_size=30)
queries = st.dictionaries(
    st.sampled_from(
        ["q", "page", "sort", "state", "tier", "seen", "edit", "rename", "focus", "next"]
    )
    | word,
    word | st.integers().map(str),
    max_size=6,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(path=st.sampled_from([*LISTS, "/tiers/free", "/tiers/free/phrase"]), query=queries)
def test_no_query_makes_a_list_fail(alice: Browser, path: str, query: dict[str, str]) -> None:
    assert alice.get(path, query_string=query).status_code < 500


FORMS = (
    "/sign-in",
    "/users",
    "/new-user",
    "/users/bob",
    "/users/bob/tier",
    "/tiers",
    "/tiers/free",
)
FORMS += ("/tiers/free/limits", "/tasks", "/users/bob/restore", "/tiers/free/limits/1", "/sign-out")
BODIES = (
    ("application/x-www-form-urlencoded", b"name=%00&login=%00&version=%00&tier=%00&limit=%00"),
    ("application/x-www-form-urlencoded", b"name=\xff\xfe&login=\xed\xa0\x80&limit=\xff"),
    ("application/x-www-form-urlencoded", b"name=%ed%a0%80&login=%ff&uuid=%ff&every=%ff&limit=1"),
    ("application/x-www-form-urlencoded", b"limit=" + b"9" * 6000 + b"&every=1e5&unit=hours"),
    ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(5000))),
    ("application/x-www-form-urlencoded; charset=utf-7", b"name=+ADw-&login=a"),
    (
        "multipart/form-data; boundary=x",
        b"--x\r\nContent-Disposition: form-data; name=login\r\n\r\n\xff",
    ),
    ("multipart/form-data; boundary=x", b"--x--nonsense"),
    ("multipart/form-data", b"no boundary"),
)


@pytest.mark.parametrize("path", FORMS)
def test_hostile_forms_never_fail(alice: Browser, path: str) -> None:
    for number, (kind, body) in enumerate(BODIES):
        headers = {"X-CSRFToken": alice.token, **(HTMX if number % 2 else {})}
        answer = alice.client.post(path, data=body, content_type=kind, headers=headers)

        assert answer.status_code < 500, (kind, body[:60])
        if path == "/sign-out":
            alice._come_in("alice")


def test_text_that_no_database_keeps_is_refused_and_nothing_is_stored(
    app: Flask, alice: Browser
) -> None:
    answer = alice.post("/tiers", {"name": "gold\x00"})

    assert answer.status_code == 400
    assert "gold" not in alice.get("/tiers").text


KINDS = ("application/json", "text/plain", "application/xml", "application/octet-stream", "x")


@pytest.mark.parametrize("kind", KINDS)
def test_pages_take_forms_only(alice: Browser, kind: str) -> None:
    headers = {"X-CSRFToken": alice.token}

    answer = alice.client.post("/tiers", data=b"name=gold", content_type=kind, headers=headers)

    assert answer.status_code == 415
    assert is_page(answer)


@pytest.mark.parametrize("path", ["/tiers", "/sign-in", "/tasks", "/api/nothing"])
def test_json_a_hundred_thousand_deep_is_refused(alice: Browser, path: str) -> None:
    headers = {"X-CSRFToken": alice.token}
    deep = b"[" * 100_000

    answer = alice.client.post(path, data=deep, content_type="application/json", headers=headers)

    assert 400 <= answer.status_code < 500


def test_deep_json_is_a_bad_request_wherever_it_is_read(app: Flask) -> None:
    options: dict[str, Any] = {"data": b"[" * 100_000, "content_type": "application/json"}

    reading = app.test_request_context("/api/x", method="POST", **options)
    with reading, pytest.raises(BadRequest):
        request.get_json()


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_huge_body_is_refused(app: Flask, alice: Browser, headers: dict[str, str]) -> None:
    size = app.config["SETTINGS"].max_request_bytes + 1
    file = (io.BytesIO(b"x" * size), "file")
    headers = {"X-CSRFToken": alice.token, **headers}

    for body in ({"name": "x" * size}, {"file": file}):
        answer = alice.client.post("/tiers", data=body, headers=headers)

        assert answer.status_code == 413
        assert SENTENCES[413] in answer.text


METHODS = ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "M-SEARCH")


@pytest.mark.parametrize("method", METHODS)
def test_odd_methods_never_fail_and_change_nothing(alice: Browser, method: str) -> None:
    before = alice.get("/users/bob").text.count("Bob Baker")
    for path in ("/", "/users/bob", "/users/bob/delete", "/sign-in", "/nowhere", "/readyz"):
        assert alice.client.open(path, method=method).status_code < 500

    assert alice.get("/users/bob").text.count("Bob Baker") == before


# A form whose token is not right any more


def token_of(html: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', html)
    assert found, html
    return found.group(1)


def own(path: str) -> dict[str, str]:
    """What a browser says about a form of ours."""
    return {"Referer": f"http://localhost{path}", "Sec-Fetch-Site": "same-origin"}


def test_our_own_old_form_is_drawn_again_with_what_was_typed(alice: Browser) -> None:
    typed = {"name": "gold & <b>", "csrf_token": "old"}

    again = alice.client.post("/tiers", data=typed, headers=own("/tiers"))

    assert again.status_code == 400
    assert "open too long" in again.text
    assert 'action="/tiers"' in again.text
    assert 'value="gold &amp; &lt;b&gt;"' in again.text
    sent = {"name": "gold", "csrf_token": token_of(again.text)}
    assert alice.client.post("/tiers", data=sent).status_code == 303
    assert "Gold" in alice.get("/tiers").text


def test_a_password_is_not_drawn_again(stranger: Browser) -> None:
    typed = {"login": "bob", "password": "my own secret", "csrf_token": "old"}

    again = stranger.client.post("/sign-in", data=typed, headers=own("/sign-in"))

    assert 'value="bob"' in again.text
    assert "my own secret" not in again.text


FOREIGN = (
    {},
    {"Referer": "https://evil.test/form", "Sec-Fetch-Site": "cross-site"},
    {"Referer": "http://localhost.evil.test/", "Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "none"},
)


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("token", ["", "forged", None])
def test_a_form_from_another_site_gets_a_plain_refusal(
    alice: Browser, headers: dict[str, str], token: str | None
) -> None:
    typed = {"name": "gold", "csrf_token": token} if token is not None else {"name": "gold"}

    answer = alice.client.post("/tiers", data=typed, headers=headers)

    assert answer.status_code == 400
    assert "did not come from this site" in answer.text
    assert "gold" not in answer.text
    assert "<form" not in answer.text
    assert "Gold" not in alice.get("/tiers").text


def test_somebody_elses_token_is_refused(alice: Browser, mallory: Browser) -> None:
    typed = {"name": "gold", "csrf_token": mallory.token}

    assert alice.client.post("/tiers", data=typed).status_code == 400


def test_htmx_gets_a_sentence_and_a_token_that_works(alice: Browser) -> None:
    headers = {**own("/tiers"), **HTMX, "X-CSRFToken": "old"}

    refused = alice.client.post("/tiers", data={"name": "gold"}, headers=headers)

    assert refused.status_code == 400
    assert "Press the button again" in refused.text
    assert "<html" not in refused.text
    headers["X-CSRFToken"] = refused.headers["X-CSRFToken"]
    assert alice.client.post("/tiers", data={"name": "gold"}, headers=headers).status_code == 204


def test_another_site_gets_no_token(alice: Browser) -> None:
    answer = alice.client.post("/tiers", data={}, headers={**HTMX, "Origin": "https://evil.test"})

    assert answer.status_code == 400
    assert "X-CSRFToken" not in answer.headers


# The database is gone


@pytest.mark.parametrize("mode", ["server"], indirect=True)
def test_without_its_database_it_says_so_and_recovers_unaided(
    app: Flask, servers: dict[str, Any], alice: Browser, stranger: Browser
) -> None:
    postgres = servers["postgres"]
    if not postgres.is_ours:
        pytest.skip("The PostgreSQL of TEST_DATABASE_URL is not ours to stop.")
    token = alice.token
    assert alice.get("/users").status_code == 200

    postgres.stop()
    try:
        answers = [
            alice.get("/users"),
            alice.get("/"),
            alice.htmx_get("/users"),
            alice.client.post("/tiers", data={"name": "gold", "csrf_token": token}),
            alice.client.post(
                "/tiers", data={"name": "gold", "csrf_token": "old"}, headers=own("/")
            ),
            stranger.post("/sign-in", {"login": "bob", "password": "x"}),
        ]
        lost = alice.get("/nowhere")
        unready = stranger.get("/readyz")
        alive = stranger.get("/healthz")
        signing_in = stranger.get("/sign-in")
    finally:
        postgres.start()

    for answer in answers:
        assert answer.status_code in (503, 400), answer.text
        assert "Traceback" not in answer.text
        assert "psycopg" not in answer.text
        assert "no-store" in answer.headers["Cache-Control"]
        if answer.status_code == 503:
            assert int(answer.headers["Retry-After"]) >= 1
            assert SENTENCES[503] in answer.text
    assert [answer.status_code for answer in answers].count(503) >= 5
    assert lost.status_code == 404
    assert (unready.status_code, unready.json["status"]) == (503, "unavailable")
    assert unready.json["checks"]["database"]["ok"] is False
    assert (alive.status_code, signing_in.status_code) == (200, 200)

    assert alice.get("/users").status_code == 200
    assert stranger.get("/readyz").status_code == 200
    with app.app_context():
        assert db.session.query(Session).count() == 1
