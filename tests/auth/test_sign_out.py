"""Somebody signs out: the session ends on the server, not only in the browser."""

from typing import Any

import redis
from flask import Flask

from app import create_app
from app.config import load_settings
from app.extensions import db
from tests.auth.coming_in import copy_of, is_in, sessions_of
from tests.people import Browser


def test_bob_signs_out(app: Flask, bob: Browser) -> None:
    answer = bob.post("/sign-out")

    assert answer.status_code == 303
    assert answer.location == "/sign-in"
    assert not is_in(bob)
    assert sessions_of(app, "bob") == []
    assert "You are signed out" in bob.get("/sign-in").text


def test_a_copied_cookie_is_worth_nothing_afterwards(bob: Browser) -> None:
    thief = copy_of(bob)
    assert is_in(thief)

    bob.post("/sign-out")

    assert not is_in(thief)


def test_signing_out_here_leaves_the_other_browser_alone(app: Flask, bob: Browser) -> None:
    phone = Browser(app, "bob")

    bob.post("/sign-out")

    assert is_in(phone)


def test_htmx_is_sent_to_sign_in(bob: Browser) -> None:
    answer = bob.htmx_post("/sign-out")

    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"] == "/sign-in"
    assert not is_in(bob)


def test_a_link_cannot_sign_anybody_out(bob: Browser) -> None:
    assert bob.get("/sign-out").status_code == 405
    assert is_in(bob)


def test_another_site_cannot_sign_anybody_out(bob: Browser) -> None:
    assert bob.client.post("/sign-out").status_code == 400
    assert is_in(bob)


def test_a_stranger_is_asked_to_sign_in(stranger: Browser) -> None:
    answer = stranger.post("/sign-out")

    assert (answer.status_code, answer.location) == (303, "/sign-in")


def test_signed_out_stays_signed_out_after_a_restart_and_without_redis(
    app: Flask, bob: Browser, mode_settings: dict[str, Any], servers: dict[str, Any]
) -> None:
    phone, thief = Browser(app, "bob"), copy_of(bob)
    bob.post("/sign-out")

    if servers and servers["redis"].is_ours:
        with redis.Redis.from_url(servers["redis"].url(0)) as client:
            client.flushall()
    restarted = create_app(load_settings(**mode_settings))
    for browser in (phone, thief):
        browser.app = restarted
    let_in = [is_in(copy_of(browser)) for browser in (phone, thief)]
    with restarted.app_context():
        db.engine.dispose()

    assert let_in == [True, False]
