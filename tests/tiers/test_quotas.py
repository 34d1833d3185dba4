"""The meters: how much of each limit is used, which costs nothing to ask."""

import json
import re
from html import unescape

import pytest
from flask import Flask

from tests.people import Browser
from tests.tiers.conftest import Clock
from tests.tiers.screen import set_limit, words_of

START = {"task": "demonstration"}


def start(browser: Browser, times: int) -> None:
    for _ in range(times):
        browser.post("/tasks", START)


def meter_of(html: str) -> str:
    found = re.search(r'<svg class="(gauge[^"]*)" aria-hidden="true"><rect width="([^"]+)"', html)
    assert found
    return f"{found.group(1)} {found.group(2)}"


@pytest.mark.parametrize(
    ("used", "words", "meter"),
    [
        (0, "0 of 10 used 10 left", "gauge 0.0%"),
        (7, "7 of 10 used 3 left", "gauge 70.0%"),
        (8, "8 of 10 used 2 left", "gauge near 80.0%"),
        (9, "9 of 10 used 1 left", "gauge near 90.0%"),
        (10, "10 of 10 used Limit reached", "gauge full 100.0%"),
        (12, "10 of 10 used Limit reached", "gauge full 100.0%"),
    ],
)
def test_a_meter_turns_amber_at_80_percent_and_says_so_at_the_limit(
    clock: Clock, carol: Browser, used: int, words: str, meter: str
) -> None:
    start(carol, used)

    html = carol.htmx_get("/quotas").text

    assert f"POST /api/v1/tasks/task/<id>/retry 10 per hour {words}" in words_of(html)
    assert meter_of(html) == meter
    assert ("tag-warn" in html) is (8 <= used < 10)
    assert ("tag-bad" in html) is (used >= 10)


def test_the_fragment_asks_again_by_itself_and_takes_no_focus(bob: Browser) -> None:
    answer = bob.htmx_get("/quotas")

    assert answer.text.lstrip().startswith('<div id="quotas"')
    assert 'hx-trigger="every 10s"' in answer.text
    assert "autofocus" not in answer.text
    assert "<html" not in answer.text


def poll(browser: Browser, address: str) -> tuple[str, str]:
    """What is announced, and the address that the meters ask next."""
    answer = browser.htmx_get(address)
    said = json.loads(answer.headers.get("HX-Trigger", '{"announce": ""}'))["announce"]
    found = re.search(r'<div id="quotas" hx-get="([^"]+)"', answer.text)
    assert found
    return said, unescape(found.group(1))


def test_only_crossing_into_amber_or_red_is_announced(clock: Clock, carol: Browser) -> None:
    start(carol, 7)
    said, address = poll(carol, "/quotas")
    assert said == ""
    assert "HX-Trigger" not in carol.htmx_get("/quotas").headers

    start(carol, 1)
    said, address = poll(carol, address)
    assert said == "Background tasks: 2 left until 15:00"
    start(carol, 1)
    said, address = poll(carol, address)
    assert said == ""

    start(carol, 1)
    said, address = poll(carol, address)
    assert said == "Background tasks: limit reached, until 15:00"
    said, address = poll(carol, address)
    assert said == ""

    clock.moment += 600
    said, address = poll(carol, address)
    assert said == ""
    start(carol, 8)
    assert poll(carol, address)[0] == "Background tasks: 2 left until 16:00"


def test_without_script_it_is_a_page(bob: Browser) -> None:
    answer = bob.get("/quotas")

    assert "<h1>Your quotas</h1>" in answer.text
    assert answer.headers["Cache-Control"] == "private, no-store"


def test_a_meter_shows_the_time_the_count_returns_to_zero(
    app: Flask, clock: Clock, bob: Browser
) -> None:
    html = bob.htmx_get("/quotas").text

    assert re.search(r'<time datetime="[\d-]+T15:00:00Z">15:00</time>', html)


def test_a_lowered_limit_is_shown_as_used_up(app: Flask, clock: Clock, carol: Browser) -> None:
    start(carol, 5)
    set_limit(app, "pro", 3, 3600)

    assert "3 of 3 used Limit reached" in words_of(carol.htmx_get("/quotas").text)


def test_people_see_their_own_counts_only(clock: Clock, bob: Browser, mallory: Browser) -> None:
    start(bob, 1)

    assert "1 of 1 used" in words_of(bob.htmx_get("/quotas").text)
    assert "0 of 1 used" in words_of(mallory.htmx_get("/quotas").text)


def test_an_operator_gives_the_whole_window_back(
    clock: Clock, alice: Browser, bob: Browser
) -> None:
    start(bob, 1)
    assert bob.post("/tasks", START).status_code == 429

    alice.post("/users/bob/counts")

    assert "0 of 1 used" in words_of(bob.htmx_get("/quotas").text)
    assert bob.post("/tasks", START).status_code == 303


def test_a_stranger_has_no_meters(stranger: Browser) -> None:
    assert stranger.get("/quotas").location == "/sign-in?next=/quotas"
    assert stranger.htmx_get("/quotas").headers["HX-Redirect"] == "/sign-in"
