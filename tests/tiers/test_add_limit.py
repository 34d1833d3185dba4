"""An operator adds a limit to a tier."""

from html import escape

import pytest
from flask import Flask

from tests.people import Browser, undo_of
from tests.tiers.screen import (
    add_tier,
    errors_of,
    focus_of,
    ids_of,
    limit_id,
    rules_of,
    set_limit,
    value_of,
)

NUMBERS = {"route": "jobs.start", "limit": "30", "every": "15", "unit": "minutes"}


@pytest.fixture(autouse=True)
def gold(app: Flask) -> None:
    """A tier without limits, next to those of the cast."""
    add_tier(app, "gold")


def test_admin_adds_a_limit(app: Flask, alice: Browser) -> None:
    answer = alice.post("/tiers/gold/limits", NUMBERS)

    assert answer.status_code == 303
    assert answer.location == "/tiers/gold"
    assert rules_of(app, "gold") == {"jobs.start": (30, 900)}
    page = alice.get("/tiers/gold").text
    assert "Background tasks now allows 30 requests per 15 minutes" in page


def test_htmx_gets_the_table_with_the_focus_on_the_new_row(app: Flask, alice: Browser) -> None:
    answer = alice.htmx_post("/tiers/gold/limits", NUMBERS)

    assert answer.status_code == 200
    assert answer.headers["HX-Retarget"] == "#limits"
    assert answer.text.lstrip().startswith('<div class="stack" id="limits"')
    assert focus_of(answer.text) == [f"edit-limit-{limit_id(app, 'gold')}"]
    assert "Background tasks now allows 30 requests per 15 minutes" in answer.text
    assert "new-limit" not in ids_of(answer.text)
    assert "<html" not in answer.text


def test_the_form_offers_the_routes_that_have_no_limit_yet(alice: Browser) -> None:
    html = alice.get("/tiers/gold").text

    doors = ("/tasks", "/tasks/<id>/retry", "/api/v1/tasks/task", "/api/v1/tasks/task/<id>/retry")
    offered = f"Background tasks · {', '.join(f'POST {door}' for door in doors)}"
    assert f'<option selected value="jobs.start">{escape(offered)}</option>' in html
    assert "users.index" not in html
    assert "new-limit" not in ids_of(alice.get("/tiers/pro").text)


def test_undo_takes_the_limit_away(app: Flask, alice: Browser) -> None:
    address, fields = undo_of(alice.htmx_post("/tiers/gold/limits", NUMBERS).text)

    answer = alice.htmx_post(address, fields)

    assert answer.headers["HX-Redirect"] == "/tiers/gold"
    assert rules_of(app, "gold") == {}


def test_undo_works_without_script(app: Flask, alice: Browser) -> None:
    alice.post("/tiers/gold/limits", NUMBERS)
    address, fields = undo_of(alice.get("/tiers/gold").text)

    answer = alice.post(address, fields, follow_redirects=True)

    assert "Limit for Background tasks removed" in answer.text
    assert rules_of(app, "gold") == {}


def test_undo_comes_too_late_once_somebody_changed_the_limit(app: Flask, alice: Browser) -> None:
    address, fields = undo_of(alice.htmx_post("/tiers/gold/limits", NUMBERS).text)
    set_limit(app, "gold", 5, 60)

    answer = alice.post(address, fields, follow_redirects=True)

    assert "This changed again since. Open Gold to edit." in answer.text
    assert rules_of(app, "gold") == {"jobs.start": (5, 60)}


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"route": ""}, {"route": "Choose a route from the list"}),
        ({"route": "users.index"}, {"route": "Choose a route from the list"}),
        ({"route": "api/v1/users"}, {"route": "Choose a route from the list"}),
        ({"limit": ""}, {"limit": "Enter 1 or more"}),
        ({"limit": "0"}, {"limit": "Enter 1 or more"}),
        ({"limit": "-1"}, {"limit": "Enter 1 or more"}),
        ({"limit": "1.5"}, {"limit": "Enter 1 or more"}),
        ({"limit": "٣"}, {"limit": "Enter 1 or more"}),
        ({"limit": "2147483648"}, {"limit": "Enter 2,147,483,647 or less"}),
        ({"limit": "9" * 400}, {"limit": "Enter 2,147,483,647 or less"}),
        ({"every": "0"}, {"every": "Enter 1 or more"}),
        ({"unit": "weeks"}, {"unit": "Choose seconds, minutes, hours or days"}),
        ({"every": "25000", "unit": "days"}, {"unit": "Choose a shorter time"}),
        (
            {"route": "", "limit": "x", "every": "x"},
            {
                "route": "Choose a route from the list",
                "limit": "Enter 1 or more",
                "every": "Enter 1 or more",
            },
        ),
    ],
)
def test_wrong_values_are_refused_at_their_fields(
    app: Flask, alice: Browser, change: dict[str, str], errors: dict[str, str]
) -> None:
    answer = alice.htmx_post("/tiers/gold/limits", {**NUMBERS, **change})

    assert answer.status_code == 422
    assert answer.text.lstrip().startswith('<section class="panel" id="new-limit"')
    assert errors_of(answer.text) == errors
    assert focus_of(answer.text) == [next(iter(errors))]
    typed = {**NUMBERS, **change}
    assert value_of(answer.text, "limit") == typed["limit"]
    assert value_of(answer.text, "every") == typed["every"]
    assert rules_of(app, "gold") == {}


def test_without_script_the_page_keeps_what_was_typed(app: Flask, alice: Browser) -> None:
    answer = alice.post("/tiers/gold/limits", {**NUMBERS, "limit": "many"})

    assert answer.status_code == 422
    assert "<title>Error: Gold tier" in answer.text
    assert value_of(answer.text, "limit") == "many"
    assert value_of(answer.text, "unit") == "minutes"
    assert focus_of(answer.text) == ["limit"]
    assert rules_of(app, "gold") == {}


def test_nothing_sent_at_all_is_refused(app: Flask, alice: Browser) -> None:
    assert alice.post("/tiers/gold/limits").status_code == 422
    assert rules_of(app, "gold") == {}


def test_a_second_limit_on_a_route_is_refused_with_the_first_one(
    app: Flask, alice: Browser
) -> None:
    answer = alice.htmx_post("/tiers/pro/limits", NUMBERS)

    assert answer.status_code == 422
    assert errors_of(answer.text) == {
        "route": "Pro already allows 10 requests per hour for Background tasks. Edit it instead."
    }
    assert value_of(answer.text, "limit") == "30"
    assert focus_of(answer.text) == ["route"]
    assert rules_of(app, "pro") == {"jobs.start": (10, 3600)}
