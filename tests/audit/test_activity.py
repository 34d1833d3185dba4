"""Everybody reads what they did and what was done to them, and nothing of anybody else."""

from flask import Flask

from tests.audit.kept import keep, kept
from tests.audit.test_audit_log import HTMX, older, shown
from tests.auth.coming_in import sign_in
from tests.people import Browser


def test_bob_sees_what_he_did_and_what_was_done_to_him(
    app: Flask, alice: Browser, bob: Browser
) -> None:
    bob.post("/sign-out")
    alice.post("/users/bob/counts")
    alice.post("/users/carol/counts")

    again = Browser(app, "bob").get("/activity")

    left, his, _hers = (event.id for event in kept(app))
    assert shown(again.text) == [his, left]
    assert "Reset the counts of Bob Baker" in again.text
    assert "Carol Cooper" not in again.text


def test_bob_sees_who_tried_to_be_him_and_from_where(
    app: Flask, bob: Browser, stranger: Browser
) -> None:
    sign_in(stranger, "bob", "wrong horse")

    html = bob.get("/activity").text

    assert "Failed sign-in for “bob”" in html
    assert "127.0.0.1" in html


def test_bob_does_not_see_where_an_operator_sits(app: Flask, alice: Browser, bob: Browser) -> None:
    alice.post("/users/bob/counts")

    html = bob.get("/activity").text

    assert "Alice Archer" in html
    assert "127.0.0.1" not in html


def test_nothing_leads_where_bob_may_not_go(app: Flask, alice: Browser, bob: Browser) -> None:
    alice.post("/users/bob/counts")

    assert "/users/id/" not in bob.get("/activity").text
    assert "/users/id/" in alice.get("/activity").text


def test_a_tier_with_the_number_of_a_person_is_not_that_person(
    app: Flask, alice: Browser, bob: Browser
) -> None:
    alice.post("/tiers/pro", {"name": "gold"})
    assert kept(app)[0].subject_id == 2  # which is Bob's among people

    assert shown(bob.get("/activity").text) == []


def test_filters_and_places_let_nobody_out_of_their_own_part(
    app: Flask, alice: Browser, bob: Browser
) -> None:
    alice.post("/users/carol/counts")
    keep(app, times=3)

    for query in ("?before=99999", "?q=carol", "?actor_id=1", "?group=tier&days=7"):
        for headers in ({}, HTMX):
            assert shown(bob.get(f"/activity{query}", headers=headers).text) == []


def test_older_entries_follow(app: Flask, bob: Browser) -> None:
    keep(app, times=31, actor_id=2, actor_name="Bob Baker")

    first = bob.get("/activity").text
    second = bob.get(older(first))

    assert older(first).startswith("/activity?before=")
    assert (len(shown(first)), len(shown(second.text))) == (30, 1)


def test_a_stranger_is_asked_to_sign_in(app: Flask, stranger: Browser) -> None:
    assert stranger.get("/activity").location == "/sign-in?next=/activity"


def test_nothing_yet_is_said_in_words(app: Flask, bob: Browser) -> None:
    assert "Nothing is on record here" in bob.get("/activity").text
