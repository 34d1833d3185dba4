"""An operator renames a tier."""

import pytest
from flask import Flask

from app.extensions import db
from app.users.models import User
from tests.people import Browser, undo_of
from tests.tiers.screen import add_tier, errors_of, focus_of, rules_of, tier_names, value_of


def test_admin_renames_a_tier_and_everything_in_it_stays(app: Flask, alice: Browser) -> None:
    answer = alice.post("/tiers/pro", {"name": "gold"})

    assert answer.status_code == 303
    assert answer.location == "/tiers/gold"
    assert tier_names(app) == ["free", "gold"]
    assert rules_of(app, "gold") == {"jobs.start": (10, 3600)}
    with app.app_context():
        carol = db.session.scalars(User.by_username("carol")).unique().one()
        assert carol.tier
        assert carol.tier.name == "gold"


def test_the_form_opens_with_the_name_and_the_focus(alice: Browser) -> None:
    html = alice.get("/tiers/pro?rename=1").text

    assert value_of(html, "name-rename") == "pro"
    assert focus_of(html) == ["name-rename"]


def test_undo_brings_the_name_back(app: Flask, alice: Browser) -> None:
    place = alice.htmx_post("/tiers/pro", {"name": "gold"}).headers["HX-Redirect"]
    page = alice.get(place).text
    assert "pro is now gold" in page
    address, fields = undo_of(page)

    answer = alice.htmx_post(address, fields)

    assert answer.headers["HX-Redirect"] == "/tiers/pro"
    assert tier_names(app) == ["free", "pro"]
    assert "The tier is pro again" in alice.get("/tiers/pro").text


def test_undo_comes_too_late_once_the_old_name_is_taken(app: Flask, alice: Browser) -> None:
    alice.post("/tiers/pro", {"name": "gold"})
    address, fields = undo_of(alice.get("/tiers/gold").text)
    add_tier(app, "pro")

    answer = alice.post(address, fields, follow_redirects=True)

    assert "This changed again since. Open Gold to edit." in answer.text
    assert tier_names(app) == ["free", "gold", "pro"]


def test_undo_comes_too_late_once_it_changed_again(app: Flask, alice: Browser) -> None:
    alice.post("/tiers/pro", {"name": "gold"})
    address, fields = undo_of(alice.get("/tiers/gold").text)
    alice.post("/tiers/gold", {"name": "silver"})
    alice.post("/tiers/silver", {"name": "gold"})

    answer = alice.post(address, fields, follow_redirects=True)

    assert "This changed again since. Open Gold to edit." in answer.text
    assert tier_names(app) == ["free", "gold"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "Enter a name for the tier"),
        ("free", "There is already a tier named free. Choose another name."),
    ],
)
def test_refused_name_keeps_what_was_typed(
    app: Flask, alice: Browser, name: str, sentence: str
) -> None:
    answer = alice.htmx_post("/tiers/pro", {"name": name})

    assert answer.status_code == 422
    assert answer.text.lstrip().startswith('<section class="panel" id="rename"')
    assert errors_of(answer.text) == {"name-rename": sentence}
    assert value_of(answer.text, "name-rename") == name
    assert focus_of(answer.text) == ["name-rename"]
    assert tier_names(app) == ["free", "pro"]


def test_without_script_a_refused_name_stays_on_the_page(alice: Browser) -> None:
    answer = alice.post("/tiers/pro", {"name": "free"})

    assert answer.status_code == 422
    assert "<title>Error: Pro tier" in answer.text
    assert value_of(answer.text, "name-rename") == "free"
    assert focus_of(answer.text) == ["name-rename"]
    assert "10 requests per hour" in answer.text
