"""An operator adds a tier."""

import pytest
from flask import Flask

from tests.people import Browser
from tests.tiers.screen import errors_of, focus_of, tier_names, value_of

WRONG = {
    "": "Enter a name for the tier",
    "   ": "Enter a name for the tier",
    "x" * 65: "Use 64 characters or fewer",
    "gold/silver": "Use letters, digits, spaces and - _ . + only",
    "..": "Use letters, digits, spaces and - _ . + only",
    "<b>gold</b>": "Use letters, digits, spaces and - _ . + only",
}


def test_admin_adds_a_tier(app: Flask, alice: Browser) -> None:
    answer = alice.post("/tiers", {"name": "  Team   plus "})

    assert answer.status_code == 303
    assert answer.location == "/tiers/Team%20plus"
    assert tier_names(app) == ["free", "pro", "Team plus"]
    page = alice.get(answer.location).text
    assert "Team plus tier added" in page
    assert "Every other limited route" in page


def test_htmx_is_led_to_the_new_tier(app: Flask, alice: Browser) -> None:
    answer = alice.htmx_post("/tiers", {"name": "gold"})

    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"] == "/tiers/gold"
    assert "gold" in tier_names(app)


@pytest.mark.parametrize("name", WRONG)
def test_wrong_name_is_refused_at_the_field(app: Flask, alice: Browser, name: str) -> None:
    answer = alice.htmx_post("/tiers", {"name": name})

    assert answer.status_code == 422
    assert answer.text.lstrip().startswith('<section class="panel" id="new-tier"')
    assert errors_of(answer.text) == {"name": WRONG[name]}
    assert value_of(answer.text, "name") == name
    assert focus_of(answer.text) == ["name"]
    assert tier_names(app) == ["free", "pro"]


def test_without_script_the_page_comes_back_with_the_name(alice: Browser) -> None:
    answer = alice.post("/tiers", {"name": "gold/silver"})

    assert answer.status_code == 422
    assert "<title>Error: Tiers" in answer.text
    assert value_of(answer.text, "name") == "gold/silver"
    assert focus_of(answer.text) == ["name"]


def test_taken_name_is_refused_with_what_to_do(app: Flask, alice: Browser) -> None:
    answer = alice.htmx_post("/tiers", {"name": "pro"})

    assert answer.status_code == 422
    assert errors_of(answer.text) == {
        "name": "There is already a tier named pro. Choose another name."
    }
    assert value_of(answer.text, "name") == "pro"
    assert tier_names(app) == ["free", "pro"]
