"""Slow senders hold up others who send, and nobody who reads."""

import io
import os
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import Client, EnvironBuilder, run_wsgi_app

from app import bodies, passwords
from app.bodies import WholeBodies
from tests.people import Browser


def echo(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))]


@pytest.fixture
def stalled() -> Iterator[io.BufferedReader]:
    """A body of which nothing arrives until the test is over."""
    reader, writer = os.pipe()
    body = os.fdopen(reader, "rb")
    yield body
    os.close(writer)


def test_a_stalled_upload_lets_others_read(
    stalled: io.BufferedReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "PATIENCE_SECONDS", 0.05)
    served = WholeBodies(echo, threads=2, longest=1000)
    environ = EnvironBuilder(method="POST").get_environ()
    environ.update({"CONTENT_LENGTH": "10", "wsgi.input": stalled})
    waiting = threading.Thread(target=run_wsgi_app, args=(served, environ), daemon=True)
    waiting.start()
    while served._readers._value:
        waiting.join(0.01)

    client = Client(served)
    answer, told = client.post("/", data=b"mine"), client.post("/api/x", data=b"mine")

    assert client.get("/").status_code == 200
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert (answer.mimetype, told.mimetype) == ("text/plain", "application/json")
    assert set(told.json) == {"detail", "title", "status", "request_id"}


def test_a_body_arrives_as_it_was_sent() -> None:
    client = Client(WholeBodies(echo, threads=2, longest=1000))

    assert client.post("/", data=b"as it was").data == b"as it was"


def in_chunks(body: Any, **more: str) -> dict[str, Any]:
    """As servers hand on a request that does not announce how long it is."""
    environ = EnvironBuilder(method="POST", path="/api/x").get_environ()
    environ.pop("CONTENT_LENGTH", None)
    sent = {"wsgi.input": body, "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    return {**environ, **sent, **more}


def test_what_comes_in_chunks_lets_others_read_too(
    stalled: io.BufferedReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "PATIENCE_SECONDS", 0.05)
    served = WholeBodies(echo, threads=2, longest=1000)
    waiting = threading.Thread(target=run_wsgi_app, args=(served, in_chunks(stalled)), daemon=True)
    waiting.start()
    while served._readers._value:
        waiting.join(0.01)

    status = run_wsgi_app(served, in_chunks(io.BytesIO(b"mine")))[1]

    assert status.startswith("503")
    assert Client(served).get("/").status_code == 200


def test_what_comes_in_chunks_is_taken_whole_or_not_at_all(app: Flask) -> None:
    served = WholeBodies(echo, threads=2, longest=1000)
    assert b"".join(run_wsgi_app(served, in_chunks(io.BytesIO(b"as it was")))[0]) == b"as it was"

    headers = {"Transfer-Encoding": "chunked"}
    body = b'{"name": "Hello"}' + b" " * 1_100_000
    stranger = app.test_client().post(
        "/api/v1/user",
        input_stream=io.BytesIO(body),
        headers=headers,
        content_type="application/json",
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
    )

    assert stranger.status_code == 413


def test_a_form_of_absurdly_many_fields_is_refused_at_once(stranger: Browser) -> None:
    body = "a=1&" * 50_000
    headers = {"Sec-Fetch-Site": "same-origin"}
    kind = "application/x-www-form-urlencoded"

    answer = stranger.client.post("/sign-in", data=body, content_type=kind, headers=headers)

    assert answer.status_code == 413
    assert len(answer.data) < 10_000


def test_hashing_that_has_to_wait_too_long_says_so(
    app: Flask, stranger: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "PATIENCE_SECONDS", 0.01)
    typed = {"login": "bob", "password": "any password", "csrf_token": stranger.token}
    with passwords.AT_ONCE:
        answer = stranger.client.post("/sign-in", data=typed)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "3")
