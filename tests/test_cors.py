"""Scripts of other sites: none may call the API, but those of the sites that are named."""

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import create_app
from app.config import load_settings

OURS, THEIRS = "https://app.example.org", "https://evil.example.org"
DOOR = "/api/v1/tasks/task?message=x"
LOOKALIKES = (THEIRS, "null", f"{OURS}.evil.example", "https://appXexample.org", f"{OURS}:444")


@pytest.fixture
def opened(app: Flask) -> Flask:
    given = app.config["SETTINGS"].model_dump() | {"cors_origins": [OURS], "_env_file": None}
    return create_app(load_settings(**given))


def preflight(app: Flask, origin: str, path: str = DOOR) -> TestResponse:
    asks = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    return app.test_client().options(path, headers={"Origin": origin, **asks})


def send(app: Flask, origin: str) -> TestResponse:
    headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
    return app.test_client().post(DOOR, headers=headers)


def test_closed_unless_opened(app: Flask) -> None:
    assert "Access-Control-Allow-Origin" not in preflight(app, OURS).headers
    answer = send(app, OURS)
    assert (answer.status_code, answer.headers.get("Access-Control-Allow-Origin")) == (403, None)


def test_a_named_site_may_call_and_read_the_answer(opened: Flask) -> None:
    asked, answer = preflight(opened, OURS), send(opened, OURS)

    assert asked.status_code == 200
    assert asked.headers["Access-Control-Allow-Origin"] == OURS
    assert asked.headers["Access-Control-Allow-Headers"].lower() == "authorization"
    assert answer.status_code == 201
    assert answer.headers["Access-Control-Allow-Origin"] == OURS
    assert "RateLimit" in answer.headers["Access-Control-Expose-Headers"]
    assert "Origin" in answer.vary
    for each in (asked, answer):
        assert "Access-Control-Allow-Credentials" not in each.headers


@pytest.mark.parametrize("origin", LOOKALIKES)
def test_other_sites_stay_outside(opened: Flask, origin: str) -> None:
    assert "Access-Control-Allow-Origin" not in preflight(opened, origin).headers
    answer = send(opened, origin)
    assert (answer.status_code, answer.headers.get("Access-Control-Allow-Origin")) == (403, None)


@pytest.mark.parametrize("origin", [*LOOKALIKES, "http://localhost:81", "localhost"])
def test_browsers_that_name_only_where_it_came_from_stay_outside_too(
    opened: Flask, origin: str
) -> None:
    def send(origin: str) -> TestResponse:
        return opened.test_client().post(DOOR, headers={"Origin": origin})

    assert send(origin).status_code == 403
    assert [send(each).status_code for each in (OURS, "http://localhost")] == [201, 201]


def test_pages_are_nobody_elses(opened: Flask) -> None:
    assert "Access-Control-Allow-Origin" not in preflight(opened, OURS, "/sign-in").headers
    page = opened.test_client().get("/sign-in", headers={"Origin": OURS})
    assert "Access-Control-Allow-Origin" not in page.headers
