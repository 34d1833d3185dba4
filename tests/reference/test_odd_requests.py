"""Whatever a program sends, and however, an error of the API is JSON of one shape, with the number
under which the log has the request.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import IntegerConverter
from werkzeug.test import TestResponse

from app.row_numbers import RowNumber
from tests.calls import Caller
from tests.reference.test_contract import check_error
from tests.tokens.deeds import bearing, token_of

JSON = "application/json"
GOOD = {"name": "Hello"}


@pytest.fixture
def send(app: Flask) -> Callable[..., TestResponse]:
    """A body of Alice's, as it is, to the door that makes a tier."""
    headers = bearing(token_of(app, "alice"))

    def send(body: bytes, kind: str | None = JSON, **more: str) -> TestResponse:
        client = app.test_client()
        sent = {**headers, **{name.replace("_", "-"): value for name, value in more.items()}}
        return client.post("/api/v1/tier", data=body, content_type=kind, headers=sent)

    return send


BODIES: dict[str, tuple[bytes, int]] = {
    "empty": (b"", 400),
    "spaces": (b"  \n", 400),
    "no JSON": (b"name=Hello", 400),
    "half of it": (b'{"name": "Hello"', 400),
    "two at once": (b"{}{}", 400),
    "a comma too many": (b'{"name": "Hello",}', 400),
    "a list": (b"[]", 400),
    "a text": (b'"Hello"', 400),
    "a number": (b"1", 400),
    "null": (b"null", 400),
    "no UTF-8": (b'{"name": "\xff\xfe"}', 400),
    "UTF-16": ('{"name": "Hello"}'.encode("utf-16"), 400),
    "UTF-16 without a mark": ('{"name": "Hello"}'.encode("utf-16-le"), 400),
    "UTF-32": ('{"name": "Hello"}'.encode("utf-32"), 400),
    "very many fields": (json.dumps({f"k{number}": 1 for number in range(201)}).encode(), 413),
    "UTF-8 of half a character": (b'{"name": "\xed\xa0\x80"}', 400),
    "half a character": (rb'{"name": "\ud800 hello"}', 422),
    "a zero": (rb'{"name": "Hello", "text": "\u0000"}', 422),
    "deep lists": (b"[" * 100_000 + b"]" * 100_000, 400),
    "deep objects": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400),
    "deep inside": (b'{"name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
    "beyond all numbers": (b'{"name": 1e999, "text": -1e999}', 422),
    "a number of 400 digits": (b'{"name": 1' + b"0" * 400 + b"}", 422),
    "a number of 9,000 digits": (b'{"name": 1' + b"0" * 9000 + b"}", 400),
    "not a number": (b'{"name": NaN, "text": Infinity}', 422),
    "a field nobody knows": (b'{"name": "Hello", "\\u0000\\ud800": 1}', 422),
    "nothing in it": (b"{}", 422),
}


@pytest.mark.parametrize("what", BODIES)
def test_odd_bodies(send: Callable[..., TestResponse], what: str) -> None:
    body, status = BODIES[what]

    answer = send(body)

    assert answer.status_code == status, answer.text
    check_error(answer)


KINDS: dict[str | None, int] = {
    "application/json": 201,
    "application/json; charset=utf-8": 201,
    "APPLICATION/JSON": 201,
    "application/merge-patch+json": 201,
    None: 415,
    "": 415,
    "text/plain": 415,
    "application/x-www-form-urlencoded": 415,
    "multipart/form-data; boundary=x": 415,
    "application/json, text/plain": 415,
    "; ; =": 415,
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_content(send: Callable[..., TestResponse], kind: str | None) -> None:
    answer = send(json.dumps(GOOD).encode(), kind)

    assert answer.status_code == KINDS[kind], answer.text
    if answer.status_code >= 400:
        check_error(answer)


def test_another_charset_is_not_guessed(send: Callable[..., TestResponse]) -> None:
    answer = send('{"name": "Ärger"}'.encode("latin-1"), "application/json; charset=latin-1")

    assert answer.status_code == 400
    check_error(answer)


def test_only_utf_8_is_read_with_or_without_its_mark(send: Callable[..., TestResponse]) -> None:
    marked = send('\ufeff{"name": "Ärger"}'.encode())
    other = send('{"name": "Ärger"}'.encode("utf-16"), "application/json; charset=utf-16")

    assert (marked.status_code, marked.json["name"]) == (201, "Ärger")
    assert (other.status_code, other.json["detail"]) == (400, "Send a JSON object, in UTF-8.")


def test_of_a_field_that_comes_twice_the_last_counts(send: Callable[..., TestResponse]) -> None:
    answer = send(b'{"name": "First", "name": "Second"}')

    assert (answer.status_code, answer.json["name"]) == (201, "Second")


def test_what_is_too_large_is_not_read(send: Callable[..., TestResponse]) -> None:
    answer = send(b'{"name": "Hello", "text": "' + b"x" * 1_100_000 + b'"}')

    assert answer.status_code == 413
    check_error(answer)


@pytest.mark.parametrize(
    "accept", ["text/html", "application/xml", "", "*/*;q=0", "\xff;;", "x" * 4000]
)
def test_whatever_is_accepted_it_is_json(app: Flask, accept: str) -> None:
    for path, status in (("/tasks/task/none", 404), ("/nowhere", 404), ("/users", 401)):
        answer = Caller(app).get(path, Accept=accept)

        assert answer.status_code == status
        check_error(answer)


def addresses(app: Flask) -> list[tuple[str, set[str]]]:
    """Every address of the API, with the methods that it takes."""
    found: dict[str, set[str]] = {}
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/v1/"):
            path = "/".join("1" if "<" in part else part for part in rule.rule.split("/"))
            found.setdefault(path, set()).update(rule.methods or ())
    return sorted(found.items())


def test_every_address_says_which_methods_it_takes(app: Flask) -> None:
    client = app.test_client()

    for path, methods in addresses(app):
        told = client.options(path)
        assert (told.status_code, told.data) == (200, b""), path
        assert methods <= allowed(told), path
        for method in {"PUT", "TRACE", "PROPFIND", "GET", "POST", "PATCH"} - allowed(told):
            answer = client.open(path, method=method)
            assert answer.status_code == 405, (method, path)
            assert allowed(answer) == allowed(told), (method, path)
            check_error(answer)


def allowed(answer: TestResponse) -> set[str]:
    return {name.strip() for name in answer.headers["Allow"].split(",")}


def test_head_is_get_without_a_body(app: Flask) -> None:
    alices = Caller(app, "alice")

    for path, methods in addresses(app):
        if "GET" in methods:
            short = path.removeprefix("/api/v1")
            asked, read = alices.ask("HEAD", short), alices.get(short)
            assert (asked.status_code, asked.data) == (read.status_code, b""), path
            assert asked.mimetype == "application/json"


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/nowhere", "/user", "/user/me/nowhere", "/tasks/task/", "/user/%ff", "/user/%00"),
        *("/bob/post/x", "/bob/post/-1", "/bob/post/99999999999999999999", "/..%2f..%2f.env"),
        *("/tier/free/rate_limit/1e9", "//user/me", "/user//me", "/" + "a" * 6000),
    ],
)
def test_odd_addresses(app: Flask, path: str) -> None:
    for caller in (Caller(app), Caller(app, "alice")):
        answer = caller.get(path)

        assert 300 < answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            check_error(answer)


def test_odd_parameters(app: Flask) -> None:
    alices = Caller(app, "alice")
    odd: list[Any] = ["", "x", "1e9", "-1", "1.5", "9" * 400, "٣", "%ff", "1&page=x"]

    for path in ("/users", "/tiers", "/tier/free/rate_limits"):
        for value in odd:
            answer = alices.get(f"{path}?page={value}")
            assert answer.status_code == 422, (path, value)
            check_error(answer)
            assert answer.json["detail"][0]["loc"] == ["query", "page"]


def test_what_the_server_says_around_the_application(app: Flask, monkeypatch: Any) -> None:
    client = app.test_client()
    elsewhere = client.get("/api/v1/users", headers={"Host": "evil.example"})
    monkeypatch.setattr(app, "preprocess_request", lambda: 1 / 0)
    monkeypatch.setattr(app, "handle_user_exception", lambda error: 1 / 0)
    broken = client.get("/api/v1/users")

    for answer, status in ((elsewhere, 400), (broken, 500)):
        assert answer.status_code == status
        check_error(answer)


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize("number", ["2147483648", "9" * 6000])
def test_a_number_that_no_row_can_have_is_not_found_by_any_method(
    app: Flask, method: str, number: str
) -> None:
    """Not 405, as if the address were there by another method."""
    answer = Caller(app, "alice").ask(method, f"/tier/free/rate_limit/{number}", {})

    assert answer.status_code == 404
    kinds = [kind for rule in app.url_map.iter_rules() for kind in rule._converters.values()]
    assert all(isinstance(kind, RowNumber) for kind in kinds if isinstance(kind, IntegerConverter))
