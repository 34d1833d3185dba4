"""Operators read the trail: search, filters, older entries; nobody else does."""

import re
from datetime import timedelta

import pytest
from flask import Flask

from app import search
from app.database import now
from tests.audit.kept import keep, kept
from tests.people import Browser
from tests.users.saved import change

HTMX = {"HX-Request": "true"}


def shown(html: str) -> list[int]:
    """The ids of the entries on the page, from the top."""
    return [int(number) for number in re.findall(r'id="event-(\d+)"', html)]


def older(html: str) -> str:
    found = re.search(r'href="([^"]+)"[^>]*>Show older entries', html)
    assert found, html
    return found.group(1).replace("&amp;", "&")


def test_alice_reads_who_did_what(app: Flask, alice: Browser) -> None:
    alice.post("/users/bob/tier", {"tier": "pro"})

    html = alice.get("/audit").text

    assert re.search(r"Moved <a[^>]*>Bob Baker</a> to another tier", html)
    assert "<del>free</del>" in html
    assert "<ins>pro</ins>" in html
    assert "127.0.0.1" in html


def test_others_do_not(app: Flask, bob: Browser, stranger: Browser) -> None:
    assert bob.get("/audit").status_code == 403
    assert bob.htmx_get("/audit").status_code == 403
    assert stranger.get("/audit").location == "/sign-in?next=/audit"
    assert stranger.htmx_get("/audit").headers["HX-Redirect"] == "/sign-in"


def test_reading_leaves_no_entry(app: Flask, alice: Browser) -> None:
    alice.get("/audit")
    alice.get("/activity")

    assert kept(app) == []


def test_where_words_have_no_index_the_newest_are_searched_and_it_is_said(
    app: Flask, alice: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    for username in ("bob", "carol", "bob"):
        alice.post(f"/users/{username}/counts")
    assert "are searched" not in alice.get("/audit?q=bob").text

    monkeypatch.setattr(search, "is_indexed", lambda _table: False)
    monkeypatch.setattr(search, "NEWEST", 2)
    answer = alice.get("/audit?q=bob").text

    assert "The 2 newest entries are searched." in answer
    assert shown(answer) == [kept(app)[2].id]
    assert "are searched" not in alice.get("/audit").text


@pytest.mark.parametrize("words", ["bob", "BAKER alice", "127.0.0.1 bob"])
def test_search_finds_people_objects_and_addresses(app: Flask, alice: Browser, words: str) -> None:
    alice.post("/users/carol/counts")
    alice.post("/users/bob/counts")

    answer = alice.get("/audit", query_string={"q": words})

    assert shown(answer.text) == [kept(app)[1].id]


@pytest.mark.parametrize("words", ["%", "_", "\\", "bob carol", "' OR 1=1 --"])
def test_what_matches_nothing_says_so_and_leads_back(
    app: Flask, alice: Browser, words: str
) -> None:
    alice.post("/users/bob/counts")

    answer = alice.get("/audit", query_string={"q": words}, headers=HTMX)

    assert answer.status_code == 200
    assert "No entries match" in answer.text
    assert 'href="/audit">Clear search' in answer.text


def test_a_group_shows_its_own(app: Flask, alice: Browser) -> None:
    keep(app, action="sign_in")
    keep(app, action="tier.moved")

    first, second = (event.id for event in kept(app))
    assert shown(alice.get("/audit?group=sign-in").text) == [first]
    assert shown(alice.get("/audit?group=tier").text) == [second]
    assert shown(alice.get("/audit?group=nonsense").text) == [second, first]


def test_a_period_shows_its_own(app: Flask, alice: Browser) -> None:
    for days in (40, 20, 3, 0):
        keep(app, at=now() - timedelta(days=days))

    lengths = {
        days: len(shown(alice.get(f"/audit?days={days}").text))
        for days in ("1", "7", "30", "", "x")
    }
    assert lengths == {"1": 1, "7": 2, "30": 3, "": 4, "x": 4}


def test_older_entries_follow_one_by_one_whatever_is_added(app: Flask, alice: Browser) -> None:
    keep(app, times=65)
    every = [event.id for event in kept(app)][::-1]

    first = alice.get("/audit").text
    keep(app)
    second = alice.get(older(first)).text
    third = alice.get(older(second)).text

    assert shown(first) + shown(second) + shown(third) == every
    assert "There are no older entries." in third
    assert 'href="/audit">Show newest entries' in third
    assert "Show newest entries" not in first


def test_older_entries_keep_the_filters(app: Flask, alice: Browser) -> None:
    keep(app, times=31)
    keep(app, times=31, action="tier.moved")

    address = older(alice.get("/audit?group=sign-in&days=7&q=system").text)

    assert "group=sign-in" in address
    assert "days=7" in address
    assert "q=system" in address
    assert len(shown(alice.get(address).text)) == 1


def test_htmx_gets_older_rows_and_a_new_foot(app: Flask, alice: Browser) -> None:
    keep(app, times=31)

    first = alice.get("/audit", headers=HTMX)
    answer = alice.get(older(first.text), headers=HTMX)

    assert "<html" not in answer.text
    assert len(shown(answer.text)) == 1
    assert 'hx-target="#entries-foot"' in answer.text
    assert 'class="day"' not in answer.text  # it is headed above
    assert answer.text.count(" autofocus") == 1
    assert answer.headers["HX-Trigger"] == '{"announce": "1 more entry"}'
    assert "30 entries, and there are older ones" in first.headers["HX-Trigger"]


def test_another_day_is_headed(app: Flask, alice: Browser) -> None:
    keep(app, at=now() - timedelta(days=2))
    keep(app, times=30)

    answer = alice.get(older(alice.get("/audit").text), headers=HTMX)

    assert answer.text.count('class="day"') == 1


@pytest.mark.parametrize("nonsense", ["-1", "x", "²", "9" * 30, "0", ""])
def test_nonsense_for_a_place_is_the_newest(app: Flask, alice: Browser, nonsense: str) -> None:
    keep(app)

    answer = alice.get("/audit", query_string={"before": nonsense})

    assert answer.status_code == 200
    assert len(shown(answer.text)) == 1


def test_what_was_typed_is_shown_as_text(app: Flask, alice: Browser) -> None:
    keep(app, action="sign_in.failed")
    with_tags = "<script>alert(1)</script>{subject}{{ 7 * 7 }}"
    keep(app, action="sign_in.failed", detail=with_tags)

    html = alice.get("/audit").text

    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{subject}{{ 7 * 7 }}" in html


def test_a_person_is_led_to_by_whatever_name(app: Flask, alice: Browser) -> None:
    alice.post("/users/bob/counts")
    alice.post(
        "/users/bob",
        {"name": "Bob", "username": "robert", "email": "bob@example.com", "tier": "free"},
    )

    number = kept(app)[0].subject_id
    assert f'href="/users/id/{number}"' in alice.get("/audit").text
    assert alice.get(f"/users/id/{number}").location == "/users/robert"
    change(app, "robert", deleted_at=now())
    assert alice.get(f"/users/id/{number}").location == "/users?q=robert&state=deleted"
    assert alice.get("/users/id/999").status_code == 404
