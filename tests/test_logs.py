"""Logs: one entry a line, for machines as JSON, with the number of the request and no secret."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from flask import Flask

from app import create_app, logs
from app.config import load_settings
from app.extensions import db
from app.prepare import migrate
from tests.conftest import KEY

SECRET = "hunter2-and-more"


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def listening(tmp_path: Path, log_format: str = "json", **changes: Any) -> io.StringIO:
    """Configure the logs as an application would, and hear them."""
    settings = load_settings(
        _env_file=None, secret_key=KEY, data_dir=tmp_path, log_format=log_format, **changes
    )
    structlog.reset_defaults()
    logs.configure(settings)
    heard = io.StringIO()
    [handler] = logging.getLogger().handlers
    handler.setStream(heard)  # type: ignore[attr-defined]
    return heard


def entries(heard: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in heard.getvalue().splitlines()]


def test_an_entry_is_one_line_of_json(tmp_path: Path) -> None:
    heard = listening(tmp_path)

    structlog.get_logger("app").info("something.happened", number=3)

    [entry] = entries(heard)
    assert (entry["event"], entry["number"], entry["level"]) == ("something.happened", 3, "info")
    assert entry["timestamp"].endswith("Z")


def test_libraries_log_in_the_same_shape(tmp_path: Path) -> None:
    heard = listening(tmp_path)

    logging.getLogger("library").warning("odd %s", "thing")

    [entry] = entries(heard)
    assert (entry["event"], entry["logger"]) == ("odd thing", "library")


@pytest.mark.parametrize("log_format", ["json", "text"])
@pytest.mark.parametrize(
    "injected", ["a\nb", "a\r\nevent=forged", "a\x1b[31mred", "a\u2028b", "a\x00b"]
)
def test_nobody_can_write_a_line_of_their_own(
    tmp_path: Path, log_format: str, injected: str
) -> None:
    heard = listening(tmp_path, log_format)

    structlog.get_logger("app").info("request", path=injected)
    structlog.get_logger("app").info(injected)
    logging.getLogger("library").warning("said %s", injected)

    said = heard.getvalue()
    assert len(said.splitlines()) == 3
    assert "\x1b" not in said
    assert "\x00" not in said


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_secret_that_is_logged_by_mistake_is_hidden(tmp_path: Path, log_format: str) -> None:
    heard = listening(tmp_path, log_format)
    names = ("password", "new_password", "secret_key", "csrf_token", "Authorization", "cookie")

    structlog.get_logger("app").warning("oops", **dict.fromkeys(names, SECRET))
    structlog.get_logger("app").warning(
        "oops", form={"password": SECRET, "deep": [{"token": SECRET}]}
    )

    assert SECRET not in heard.getvalue()


def test_a_failure_is_one_line_with_its_trace(tmp_path: Path) -> None:
    heard = listening(tmp_path)

    try:
        raise ValueError("what\nwent wrong")
    except ValueError:
        structlog.get_logger("app").exception("it.failed")

    [entry] = entries(heard)
    assert "ValueError" in entry["exception"]


@pytest.fixture
def talking(tmp_path: Path) -> Iterator[tuple[Flask, io.StringIO]]:
    settings = load_settings(
        _env_file=None, secret_key=KEY, data_dir=tmp_path, log_format="json", log_level="INFO"
    )
    structlog.reset_defaults()
    app = create_app(settings)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    heard = io.StringIO()
    logging.getLogger().handlers[0].setStream(heard)  # type: ignore[attr-defined]
    with app.app_context():
        migrate(lambda _line: None)
    yield app, heard
    with app.app_context():
        db.engine.dispose()


def test_a_request_is_logged_once_with_its_number(talking: tuple[Flask, io.StringIO]) -> None:
    app, heard = talking

    answer = app.test_client().get("/sign-in?next=/users")

    [entry] = [entry for entry in entries(heard) if entry["event"] == "request"]
    assert entry["request_id"] == answer.headers["X-Request-ID"]
    assert (entry["method"], entry["path"], entry["status"]) == ("GET", "/sign-in", 200)
    assert entry["milliseconds"] >= 0


def test_health_checks_do_not_fill_the_log(talking: tuple[Flask, io.StringIO]) -> None:
    app, heard = talking

    app.test_client().get("/healthz")

    assert heard.getvalue() == ""


def test_what_people_type_is_not_logged(talking: tuple[Flask, io.StringIO]) -> None:
    app, heard = talking
    client = app.test_client()

    client.post("/sign-in", data={"login": "bob", "password": SECRET, "csrf_token": SECRET})
    client.get(f"/sign-in?password={SECRET}", headers={"Authorization": f"Bearer {SECRET}"})
    client.get("/users", headers={"Cookie": f"session={SECRET}"})

    assert SECRET not in heard.getvalue()


def test_a_link_that_lets_somebody_in_is_not_logged(talking: tuple[Flask, io.StringIO]) -> None:
    app, heard = talking

    app.test_client().get(f"/welcome/{SECRET}")

    assert SECRET not in heard.getvalue()
    assert "/welcome/" in heard.getvalue()


def test_a_failure_is_logged_with_the_number_that_the_person_sees(
    talking: tuple[Flask, io.StringIO],
) -> None:
    app, heard = talking

    def fail() -> str:
        raise RuntimeError("broken")

    app.add_url_rule("/fail", "fail", fail)
    answer = app.test_client().get("/fail")

    [entry] = [entry for entry in entries(heard) if entry["event"] == "request.failed"]
    assert entry["request_id"] == answer.headers["X-Request-ID"]
    assert "RuntimeError: broken" in entry["exception"]


@pytest.mark.parametrize(
    ("path", "host", "event"),
    [
        ("/static/nothing.css", "localhost", "request"),
        ("/static/app.css", "evil.test", "request.unknown_host"),
    ],
)
def test_what_no_page_answers_is_logged_with_its_number_too(
    talking: tuple[Flask, io.StringIO], path: str, host: str, event: str
) -> None:
    app, heard = talking

    answer = app.test_client().get(path, headers={"Host": host})

    [entry] = entries(heard)
    assert answer.status_code == (404 if event == "request" else 400)
    assert (entry["event"], entry["request_id"]) == (event, answer.headers["X-Request-ID"])


def test_one_request_does_not_inherit_the_number_of_another(
    talking: tuple[Flask, io.StringIO],
) -> None:
    app, heard = talking
    client = app.test_client()

    answers = [client.get("/sign-in"), client.post("/sign-in"), client.get("/nowhere")]

    numbers = [entry["request_id"] for entry in entries(heard) if entry["event"] == "request"]
    assert numbers == [answer.headers["X-Request-ID"] for answer in answers]
