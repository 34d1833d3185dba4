"""A tier's page: its limits in words, beside what the other tiers allow."""

import pytest
from flask import Flask

from tests.people import Browser
from tests.tiers.screen import add_tier, focus_of, ids_of, limit_id, set_limit, value_of, words_of


@pytest.mark.parametrize(
    ("limit", "period", "phrase"),
    [
        (10, 3600, "10 requests per hour"),
        (1, 60, "1 request per minute"),
        (30, 900, "30 requests per 15 minutes"),
        (1000, 86400, "1,000 requests per day"),
        (2, 5400, "2 requests per 90 minutes"),
        (7, 61, "7 requests per 61 seconds"),
    ],
)
def test_limits_read_as_phrases(
    app: Flask, alice: Browser, limit: int, period: int, phrase: str
) -> None:
    set_limit(app, "pro", limit, period)

    assert phrase in words_of(alice.get("/tiers/pro").text)


def test_the_same_route_on_other_tiers_stands_beside_it(alice: Browser) -> None:
    assert "10 requests per hour Free: 1 per hour" in words_of(alice.get("/tiers/pro").text)


def test_the_last_row_is_what_applies_without_a_limit(alice: Browser) -> None:
    words = words_of(alice.get("/tiers/pro").text)

    assert "Every other limited route 10 requests per hour Same on all tiers" in words


def test_a_limit_of_a_route_that_is_gone_is_shown_and_can_be_removed(
    app: Flask, alice: Browser
) -> None:
    set_limit(app, "pro", 5, 60, route="reports.make")
    identifier = limit_id(app, "pro", "reports.make")

    assert "no such route any more" in alice.get("/tiers/pro").text
    editor = alice.htmx_get(f"/tiers/pro/limits/{identifier}/edit")
    assert "reports.make" in editor.text
    answer = alice.htmx_post(f"/tiers/pro/limits/{identifier}/delete")
    assert answer.status_code == 200
    assert "Limit for reports.make removed" in answer.text
    assert "Undo" not in answer.text


def test_a_limit_of_a_route_that_is_gone_can_be_edited(app: Flask, alice: Browser) -> None:
    set_limit(app, "pro", 5, 60, route="reports.make")
    identifier = limit_id(app, "pro", "reports.make")

    data = {"limit": 6, "every": 1, "unit": "minutes"}
    answer = alice.htmx_post(f"/tiers/pro/limits/{identifier}", data)

    assert answer.status_code == 200
    assert "reports.make now allows 6 requests per minute" in answer.text


def test_the_editor_opens_on_a_plain_load(app: Flask, alice: Browser) -> None:
    identifier = limit_id(app, "pro")

    answer = alice.get(f"/tiers/pro/limits/{identifier}/edit")
    assert answer.location == f"/tiers/pro?edit={identifier}"
    html = alice.get(answer.location).text
    assert value_of(html, f"limit-edit-{identifier}") == "10"
    assert focus_of(html) == [f"limit-edit-{identifier}"]


@pytest.mark.parametrize("query", ["", "?edit={id}", "?rename=1", "?edit={id}&rename=1"])
def test_no_id_is_given_twice(app: Flask, alice: Browser, query: str) -> None:
    add_tier(app, "gold")
    set_limit(app, "gold", 5, 60, route="reports.make")
    identifier = limit_id(app, "gold", "reports.make")

    html = alice.get("/tiers/gold" + query.format(id=identifier)).text

    ids = ids_of(html)
    assert sorted(ids) == sorted(set(ids))
    assert len(focus_of(html)) <= 1


@pytest.mark.parametrize("edit", ["0", "-1", "abc", "99999999999999999999", "%F0%9F%98%80"])
def test_an_odd_edit_in_the_address_opens_nothing(alice: Browser, edit: str) -> None:
    answer = alice.get(f"/tiers/pro?edit={edit}")

    assert answer.status_code == 200
    assert 'class="editor"' not in answer.text
