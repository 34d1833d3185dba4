"""The list of tiers, and the page that compares them."""

from flask import Flask

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

    words = words_of(bob.get("/compare").text)

    assert "Route Free (yours) Gold Pro" in words
    assert "1 per hour 10 per hour 30 per 15 minutes" in words


def test_a_stranger_signs_in_to_compare(stranger: Browser) -> None:
    assert stranger.get("/compare").location == "/sign-in?next=/compare"
