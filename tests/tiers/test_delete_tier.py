"""An operator deletes a tier, once nobody is on it."""

from flask import Flask
from sqlalchemy import func, select

from app.extensions import db
from app.tiers.models import RateLimit
from tests.people import Browser
from tests.tiers.screen import add_tier, set_limit, tier_names, words_of


def test_admin_is_asked_first_on_a_page(app: Flask, alice: Browser) -> None:
    add_tier(app, "gold")
    set_limit(app, "gold", 5, 60)

    answer = alice.get("/tiers/gold/delete")

    assert "Delete the Gold tier?" in answer.text
    assert "The tier and its 1 limit are removed. The audit log can bring them back." in answer.text
    assert "Keep" in answer.text
    assert "gold" in tier_names(app)


def test_deleting_removes_the_tier_and_its_limits(app: Flask, alice: Browser) -> None:
    add_tier(app, "gold")
    set_limit(app, "gold", 5, 60)

    answer = alice.post("/tiers/gold/delete")

    assert answer.status_code == 303
    assert answer.location == "/tiers"
    assert "Gold tier deleted" in alice.get("/tiers").text
    assert tier_names(app) == ["free", "pro"]
    with app.app_context():
        assert db.session.scalar(select(func.count(RateLimit.id))) == 2


def test_a_tier_with_people_says_how_many_and_where_they_are(alice: Browser) -> None:
    answer = alice.get("/tiers/pro/delete")

    assert "2 users are on this tier. Move them to another tier first." in words_of(answer.text)
    assert 'href="/users?tier=pro"' in answer.text
    assert 'action="/tiers/pro/delete"' not in answer.text


def test_a_tier_with_people_is_not_deleted(app: Flask, alice: Browser) -> None:
    answer = alice.post("/tiers/pro/delete", follow_redirects=True)

    assert "2 users on Pro. Move them to another tier first." in answer.text
    assert tier_names(app) == ["free", "pro"]
