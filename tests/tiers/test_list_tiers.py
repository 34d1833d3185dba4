"""The list of tiers, and the page that compares them."""

from flask import Flask
from sqlalchemy import text

from app.extensions import db
from tests.people import Browser
from tests.tiers.screen import add_tier, set_limit, words_of


def test_list_shows_people_and_limits_of_each_tier(alice: Browser) -> None:
    words = words_of(alice.get("/tiers").text)

    assert "Free 2 users 1 request per hour Background tasks" in words
    assert "Pro 2 users 10 requests per hour Background tasks" in words


def test_a_tier_without_people_or_limits_says_so(app: Flask, alice: Browser) -> None:
    add_tier(app, "gold")

    assert "Gold None Default only" in words_of(alice.get("/tiers").text)


def test_deleted_people_are_not_counted(alice: Browser) -> None:
    alice.post("/users/bob/delete")

    assert "Free 1 user 1 request" in words_of(alice.get("/tiers").text)


def test_people_compare_what_tiers_allow(app: Flask, bob: Browser) -> None:
    add_tier(app, "gold")
    set_limit(app, "pro", 30, 900)

    html = bob.get("/compare").text

    assert "Route Free (yours) Gold Pro" in words_of(html)
    assert "1 per hour 10 per hour Default 30 per 15 minutes" in words_of(html)
    assert "observed" not in html.lower()
    assert 'data-label="Free (yours)"' in html  # on a phone each value stands beside its tier
    assert 'href="/tiers' not in html
    assert "2 users" not in html


def test_operators_compare_people_too_and_go_on_to_a_tier(app: Flask, alice: Browser) -> None:
    add_tier(app, "gold")

    html = alice.get("/compare").text

    assert "Route Pro (yours) Free Gold" in words_of(html)
    users = "Users 2 users on Pro · Edit Pro 2 users on Free · Edit Free None · Edit Gold"
    assert users in words_of(html)
    for address in ("/users?tier=free", "/users?tier=pro", "/tiers/free", "/tiers/gold"):
        assert f'href="{address}"' in html


def test_a_limit_that_only_observes_is_marked(app: Flask, alice: Browser, bob: Browser) -> None:
    with app.app_context():
        db.session.execute(text('UPDATE rate_limits SET observed = true WHERE "limit" = 10'))
        db.session.commit()

    words = words_of(bob.get("/compare").text)

    assert "1 per hour 10 per hour Observed only" in words
    listed = words_of(alice.get("/tiers").text)
    assert "10 requests per hour Background tasks Observed only" in listed
    assert listed.count("Observed only") == 1
    beside = words_of(alice.get("/tiers/free").text)
    assert "1 request per hour Pro: 10 per hour, observed only" in beside
    assert "A limit that is only observed counts and refuses nothing." in words


def test_without_tiers_the_default_is_told(app: Flask, bob: Browser) -> None:
    with app.app_context():
        db.session.execute(text("UPDATE users SET tier_id = NULL"))
        db.session.execute(text("DELETE FROM tiers"))
        db.session.commit()

    assert "Every limited route allows 10 per hour." in words_of(bob.get("/compare").text)


def test_a_stranger_signs_in_to_compare(stranger: Browser) -> None:
    assert stranger.get("/compare").location == "/sign-in?next=/compare"
