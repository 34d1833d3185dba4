"""What is on every answer: the policy, the number, who may keep it; and what no answer has."""

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask, request
from werkzeug.test import TestResponse

from app import create_app
from app.config import load_settings
from app.extensions import db
from app.prepare import migrate
from tests.conftest import KEY
from tests.people import Browser, make_cast

HTMX = {"HX-Request": "true"}
STRONG = "Vq7-tBz0xW3rLm9sKd2fHj5pYc8nGe4u"


def asset(app: Flask, name: str = "app.css") -> str:
    with app.test_request_context():
        return str(app.jinja_env.globals["asset"](name))  # type: ignore[operator]


def every_kind(app: Flask, alice: Browser, stranger: Browser) -> dict[str, TestResponse]:
    """One answer of each kind there is."""
    style = asset(app)
    unchanged = {"If-Modified-Since": stranger.get(style).headers["Last-Modified"]}
    return {
        "page": alice.get("/users"),
        "fragment": alice.htmx_get("/users"),
        "stranger's page": stranger.get("/sign-in"),
        "redirect": stranger.get("/users"),
        "htmx redirect": stranger.htmx_get("/users"),
        "change": alice.post("/users/bob/tier", {"tier": "pro"}),
        "refused input": alice.post("/tiers", {"name": ""}),
        "bad token": alice.client.post("/tiers", data={}),
        "forbidden": Browser(app, "bob").get("/users"),
        "not found": alice.get("/nowhere"),
        "not found, stranger": stranger.get("/nowhere"),
        "wrong method": stranger.client.put("/healthz"),
        "too large": alice.client.post("/tiers", data={"name": "x" * 2_000_000}),
        "wrong content": alice.client.post("/tiers", data=b"{}", content_type="text/plain"),
        "health": stranger.get("/healthz"),
        "api": stranger.get("/api/nowhere"),
        "static": stranger.get(style),
        "static, unchanged": stranger.get(style, headers=unchanged),
        "static, not there": stranger.get("/static/nothing.css"),
        "head": stranger.client.head("/sign-in"),
        "options": stranger.client.options("/sign-in"),
        "wrong host": stranger.get("/sign-in", headers={"Host": "evil.test"}),
    }


def test_every_kind_of_answer_is_secured(app: Flask, alice: Browser, stranger: Browser) -> None:
    answers = every_kind(app, alice, stranger)

    assert answers["static, unchanged"].status_code == 304
    for kind, answer in answers.items():
        headers = answer.headers
        policy = headers["Content-Security-Policy"]
        assert "unsafe-" not in policy, kind
        for rule in ("default-src 'none'", "script-src 'self'", "style-src 'self'"):
            assert rule in policy, kind
        for rule in ("object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
            assert rule in policy, kind
        assert "form-action 'self'" in policy, kind
        assert headers["X-Content-Type-Options"] == "nosniff", kind
        assert headers["Referrer-Policy"] == "same-origin", kind
        assert headers["X-Frame-Options"] == "DENY", kind
        assert "Server" not in headers, kind
        for name in ("Content-Security-Policy", "X-Content-Type-Options", "X-Request-ID"):
            assert len(headers.getlist(name)) == 1, (kind, name)
        assert "Strict-Transport-Security" not in headers, kind


def test_every_answer_has_a_number_of_its_own(
    app: Flask, alice: Browser, stranger: Browser
) -> None:
    numbers = [each.headers["X-Request-ID"] for each in every_kind(app, alice, stranger).values()]

    assert len(set(numbers)) == len(numbers)
    assert all(re.fullmatch(r"[0-9a-f]{20}", number) for number in numbers)


def test_a_number_cannot_be_chosen_from_outside(stranger: Browser) -> None:
    answer = stranger.get("/sign-in", headers={"X-Request-ID": "mine"})

    assert answer.headers["X-Request-ID"] != "mine"


def test_fragments_and_pages_are_kept_apart_in_caches(
    app: Flask, alice: Browser, stranger: Browser
) -> None:
    for kind, answer in every_kind(app, alice, stranger).items():
        if not kind.startswith("static,") and kind not in ("static", "wrong host"):
            assert "HX-Request" in answer.headers["Vary"], kind


def test_what_a_signed_in_person_sees_is_not_kept(
    app: Flask, alice: Browser, stranger: Browser
) -> None:
    for kind, answer in every_kind(app, alice, stranger).items():
        if kind not in ("static", "static, unchanged"):
            assert answer.headers["Cache-Control"] == "private, no-store", kind


def test_files_that_name_their_content_are_kept_for_ever(app: Flask, stranger: Browser) -> None:
    answer = stranger.get(asset(app))

    assert "immutable" in answer.headers["Cache-Control"]
    assert "Set-Cookie" not in answer.headers


NEVER_SERVED = (
    *("/.env", "/.git/config", "/.git/HEAD", "/instance/gatehouse.sqlite3", "/wsgi.py"),
    *(
        "/static/.env",
        "/static/../.env",
        "/static/%2e%2e/.env",
        "/static/..%2f.env",
        "/app/config.py",
    ),
    *(
        "/static/../instance/gatehouse.sqlite3",
        "/requirements.txt",
        "/console",
        "/?__debugger__=yes",
    ),
    *("/static//etc/passwd", "/static/%2fetc%2fpasswd", "/migrations/env.py", "/static/"),
)


@pytest.mark.parametrize("path", NEVER_SERVED)
def test_no_file_of_the_house_is_served(stranger: Browser, path: str) -> None:
    answer = stranger.get(path)

    assert answer.status_code in (303, 400, 404)
    for secret in (b"SECRET_KEY=", b"SQLite format", b"root:x:", b"[core]", b"import "):
        assert secret not in answer.data


# Hosts and proxies


HOSTS = ("evil.test", "localhost.evil.test", "evil.test:80", "localhost@evil.test", "localhost/x")
HOSTS += (
    "",
    "[::1",
    "localhost:" + "9" * 5000,
    "localhost:99999",
    "a" * 300,
    "localhost.",
    "*",
    ".",
)


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host[:20])
@pytest.mark.parametrize("path", ["/sign-in", "/healthz", "/static/app.css", "/api/x"])
def test_a_host_that_is_not_ours_is_refused_and_not_repeated(
    stranger: Browser, host: str, path: str
) -> None:
    answer = stranger.get(path, headers={"Host": host})

    assert answer.status_code == 400
    assert "evil" not in answer.text + str(answer.headers)
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "localhost:8000", "127.0.0.1:1"])
def test_our_own_hosts_are_served(stranger: Browser, host: str) -> None:
    assert stranger.get("/sign-in", headers={"Host": host}).status_code == 200


def test_forwarded_hosts_are_never_used(alice: Browser) -> None:
    headers = {
        "X-Forwarded-Host": "evil.test",
        "Forwarded": "host=evil.test",
        "X-Host": "evil.test",
    }

    for path in ("/users/bob", "/nowhere", "/sign-in"):
        answer = alice.get(path, headers=headers)
        assert "evil.test" not in answer.text + str(answer.headers)


# Settings as in production: HTTPS behind one proxy


@pytest.fixture(scope="module")
def production() -> Iterator[Flask]:
    """The application with the settings of production, but for its servers, behind one proxy."""
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(
            load_settings(
                _env_file=None,
                environment="production",
                secret_key=STRONG,
                trusted_hosts="gatehouse.test",
                trusted_proxy_hops=1,
                data_dir=Path(folder),
                redis_rate_limit_url="redis://127.0.0.1:1/0",
                log_level="CRITICAL",
            )
        )
        app.config["PROPAGATE_EXCEPTIONS"] = False
        with app.app_context():
            migrate(lambda _line: None)
            make_cast()
        yield app
        with app.app_context():
            db.engine.dispose()


def open_in(app: Flask, path: str, **headers: str) -> TestResponse:
    return app.test_client().get(path, headers={"Host": "gatehouse.test", **headers})


@pytest.mark.parametrize("path", ["/sign-in", "/nowhere", "/healthz", "/users", "/static/app.css"])
def test_browsers_are_told_to_come_back_by_https(production: Flask, path: str) -> None:
    value = open_in(production, path).headers["Strict-Transport-Security"]

    assert int(re.findall(r"max-age=(\d+)", value)[0]) >= 31_536_000


def test_the_cookie_is_for_this_host_by_https_alone(production: Flask) -> None:
    answer = open_in(production, "/sign-in", **{"X-Forwarded-Proto": "https"})

    [cookie] = answer.headers.getlist("Set-Cookie")
    name, *parts = [part.strip() for part in cookie.split(";")]
    assert name.startswith("__Host-session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(parts)
    assert not any(part.lower().startswith("domain") for part in parts)


def test_locally_the_cookie_is_still_out_of_reach_for_scripts(stranger: Browser) -> None:
    [cookie] = stranger.get("/sign-in").headers.getlist("Set-Cookie")

    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Domain" not in cookie


def test_a_proxy_is_believed_one_hop_and_no_further(production: Flask) -> None:
    seen: list[str] = []

    def look() -> None:
        seen.append(f"{request.remote_addr} {request.scheme} {request.host}")

    production.before_request_funcs[None].append(look)

    forged = {"X-Forwarded-For": "1.1.1.1, 2.2.2.2", "X-Forwarded-Proto": "http, https"}
    open_in(production, "/healthz", **forged, **{"X-Forwarded-Host": "evil.test"})
    production.before_request_funcs[None].remove(look)

    assert seen == ["2.2.2.2 https gatehouse.test"]


def test_without_a_proxy_nothing_forwarded_is_believed(app: Flask, stranger: Browser) -> None:
    forged = {"X-Forwarded-For": "1.1.1.1", "X-Forwarded-Proto": "https", "X-Real-IP": "1.1.1.1"}

    with app.test_request_context("/healthz", headers=forged):
        assert (request.remote_addr, request.scheme) != ("1.1.1.1", "https")
    for number in range(11):
        headers = {"X-Forwarded-For": f"10.0.0.{number}", "X-CSRFToken": stranger.token}
        data = {"login": "bob", "password": "wrong"}
        answer = stranger.client.post("/sign-in", data=data, headers=headers)
    assert answer.status_code == 429


def test_the_log_has_the_number_of_the_answer(capfd: pytest.CaptureFixture[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = {"secret_key": KEY, "data_dir": folder, "log_format": "json"}
        app = create_app(load_settings(_env_file=None, **settings))
        answers = [app.test_client().get(path) for path in ("/sign-in", "/nowhere")]
        answers.append(app.test_client().post("/tiers", data={"name": "x"}))

    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    logged = [line["request_id"] for line in lines if line["event"] == "request"]
    assert logged == [answer.headers["X-Request-ID"] for answer in answers]
