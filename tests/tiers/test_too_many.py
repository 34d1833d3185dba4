"""What a person reads when a limit is used up: the time first, then why."""

import re

from flask import Flask

from tests.people import Browser
from tests.tiers.conftest import Clock
from tests.tiers.screen import focus_of, set_limit, words_of

TYPED = {"task": "demonstration", "message": 'For "Tom" & Co'}


def test_the_page_says_when_and_what_and_by_which_tier(clock: Clock, bob: Browser) -> None:
    bob.post("/tasks", TYPED)
    answer = bob.post("/tasks", TYPED)

    assert answer.status_code == 429
    words = words_of(answer.text)
    assert "<title>Try again at 15:00" in answer.text
    assert "Limit reached · 429 You can start another task at 15:00" in words
    assert (
        "Your Free tier allows 1 request per hour for background tasks, and you have made 1."
        " Nothing was lost: what was started before keeps running." in words
    )
    assert "10 min 00 s" in words
    assert "1 of 1 used Limit reached POST /tasks" in words
    assert "The button unlocks at 15:00." in words
    assert "Need more each time? Compare tiers" in words
    assert "Sign in" not in words


def test_the_page_shows_the_headers_it_was_sent_with(clock: Clock, bob: Browser) -> None:
    bob.post("/tasks", TYPED)
    answer = bob.post("/tasks", TYPED)

    for name in ("Retry-After", "RateLimit-Policy", "RateLimit"):
        assert f"{name}: {answer.headers[name]}" in words_of(answer.text)


def test_the_time_is_there_for_the_countdown_too(clock: Clock, bob: Browser) -> None:
    bob.post("/tasks", TYPED)
    html = bob.post("/tasks", TYPED).text

    found = re.search(r'data-retry-at="([\d-]+T15:00:00Z)"', html)
    assert found
    assert "data-unlock" in html
    assert 'disabled=""' not in html
    assert " disabled>" not in html


def test_what_was_typed_is_carried_in_the_form(app: Flask, clock: Clock, bob: Browser) -> None:
    bob.post("/tasks", TYPED)
    html = bob.post("/tasks", TYPED).text

    form = re.search(r'<form method="post" action="/tasks">.*?</form>', html, re.S)
    assert form
    assert '<input type="hidden" name="task" value="demonstration">' in form.group()
    assert 'value="For &#34;Tom&#34; &amp; Co"' in form.group()
    assert form.group().count('name="csrf_token"') == 1

    clock.moment += 600
    assert bob.post("/tasks", TYPED).status_code == 303


def test_the_time_is_in_the_persons_zone(app: Flask, clock: Clock, bob: Browser) -> None:
    from app.extensions import db
    from app.users.models import User

    with app.app_context():
        db.session.scalars(User.by_username("bob")).unique().one().time_zone = "Asia/Kolkata"
        db.session.commit()
    bob.post("/tasks", TYPED)

    assert "You can start another task at 20:30" in words_of(bob.post("/tasks", TYPED).text)


def test_htmx_gets_a_note_above_the_form_and_the_form_stays(clock: Clock, bob: Browser) -> None:
    bob.htmx_post("/tasks", TYPED)
    answer = bob.htmx_post("/tasks", TYPED)

    assert answer.status_code == 429
    assert answer.headers["HX-Retarget"] == "#notice"
    assert answer.headers["HX-Reswap"] == "innerHTML"
    assert answer.headers["Retry-After"] == "600"
    assert answer.headers["RateLimit"] == '"jobs.start";r=0;t=600'
    words = words_of(answer.text)
    assert words == (
        "You can start another task at 15:00 . Your Free tier allows 1 request per hour, and it"
        " is used. Nothing was lost; what you typed is still here. 10 min 00 s left."
    )
    assert "<html" not in answer.text
    assert answer.text.count("autofocus") == 1


def test_every_page_has_the_place_for_the_note(bob: Browser, stranger: Browser) -> None:
    assert '<div id="notice">' in bob.get("/").text
    assert '<div id="notice">' in bob.get("/tasks").text
    assert '<div id="notice">' in stranger.get("/sign-in").text


def test_a_person_on_no_tier_reads_what_the_default_allows(
    clock: Clock, alice: Browser, bob: Browser
) -> None:
    alice.post("/users/bob/tier", {"tier": ""})
    for _ in range(10):
        bob.post("/tasks", TYPED)

    words = words_of(bob.post("/tasks", TYPED).text)
    assert "Background tasks allow 10 requests per hour, and you have made 10." in words


def test_a_stranger_is_told_to_sign_in_for_more(clock: Clock, stranger: Browser) -> None:
    for _ in range(10):
        stranger.post("/tasks", TYPED)

    answer = stranger.post("/tasks", TYPED)
    words = words_of(answer.text)
    assert answer.status_code == 429
    assert "Sign in for a higher limit." in words
    assert "Compare tiers" not in words
    note = words_of(stranger.htmx_post("/tasks", TYPED).text)
    assert "This allows 10 requests per hour, and all are used." in note


def test_long_waits_are_said_in_full(app: Flask, clock: Clock, bob: Browser) -> None:
    set_limit(app, "free", 1, 86400)
    bob.post("/tasks", TYPED)

    answer = bob.post("/tasks", TYPED)
    assert answer.headers["Retry-After"] == "33000"
    assert focus_of(answer.text) == []
