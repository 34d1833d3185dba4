"""An operator finds people: by words, tier, state and activity, in any order, page by page."""

import html
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from app.database import now
from app.extensions import db
from tests.people import Browser, person
from tests.users.saved import add, change

ABSURD = ["0", "-1", "99", "999999999999999999999", "abc", "1e9", "", "١", "²", "1;drop", "0x1"]


def usernames(text: str) -> list[str]:
    """Who is listed, in order."""
    return re.findall(r'<div class="sub">@([a-z0-9]+)</div>', text)


def found(browser: Browser, **asked: str) -> list[str]:
    return usernames(browser.get("/users", query_string=asked).text)


def links(text: str) -> dict[str, dict[str, list[str]]]:
    """The queries of the links of a page, by the id of the link."""
    pairs = re.findall(r'<a id="([\w-]+)" href="(/users[^"]*)"', text)
    return {name: parse_qs(urlsplit(html.unescape(address)).query) for name, address in pairs}


@pytest.fixture
def crowd(app: Flask) -> None:
    """Fifty-six more people: three pages, with the cast."""
    with app.app_context():
        numbers = range(56)
        db.session.add_all(person(f"extra{each:02}", f"Extra {each:02}") for each in numbers)
        db.session.commit()


def test_everybody_living_is_listed(app: Flask, alice: Browser) -> None:
    add(app, "gone", deleted_at=now())
    add(app, "off", active=False)

    page = alice.get("/users")

    assert page.status_code == 200
    assert sorted(usernames(page.text)) == ["alice", "bob", "carol", "mallory", "off"]


def test_htmx_gets_only_the_results(alice: Browser) -> None:
    answer = alice.htmx_get("/users?q=bob")

    assert answer.status_code == 200
    assert 'id="user-results"' in answer.text
    assert "<html" not in answer.text
    assert usernames(answer.text) == ["bob"]
    assert not re.search(r"\bautofocus\b", answer.text)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("bob", ["bob"]),
        ("BOB", ["bob"]),
        ("baker", ["bob"]),
        ("bob@example", ["bob"]),
        ("bob carol", []),
        ("baker bob", ["bob"]),
        ("  bob  ", ["bob"]),
        ("zzyzx", []),
    ],
)
def test_words_are_looked_for_in_name_username_and_email(
    alice: Browser, words: str, expected: list[str]
) -> None:
    assert found(alice, q=words) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("100%", ["percent"]),
        ("%", ["percent"]),
        ("_", ["underscore"]),
        ("a_b", ["underscore"]),
        ("\\", ["backslash"]),
        ("o'brien", ["quote"]),
        ('"q"', ["quote"]),
        ("'; DROP TABLE users; --", []),
        ("<script>", ["markup"]),
    ],
)
def test_signs_stand_for_themselves(
    app: Flask, alice: Browser, words: str, expected: list[str]
) -> None:
    add(app, "percent", "Hundred 100% Real")
    add(app, "underscore", "A_B Under")
    add(app, "axb", "Axb Not Under")
    add(app, "backslash", "Back\\Slash")
    add(app, "quote", 'O\'Brien "Q" Quinn')
    add(app, "markup", "<script>alert(1)</script>")

    page = alice.get("/users", query_string={"q": words})

    assert usernames(page.text) == expected
    assert (
        f'name="q" placeholder="Search name, username or email" value="{html.escape(words)}"'
        in (page.text.replace("&#34;", "&quot;").replace("&#39;", "&#x27;"))
    )
    assert "<script>alert(1)</script>" not in page.text


def test_letters_beyond_ascii_are_found_in_either_case(app: Flask, alice: Browser) -> None:
    add(app, "elodie", "Élodie Åström")

    assert [found(alice, q=words) for words in ("élodie", "ÅSTRÖM", "Élo")] == [["elodie"]] * 3


def test_no_match_repeats_the_words_and_offers_everybody(alice: Browser) -> None:
    page = alice.get("/users?q=zzyzx")

    assert "No users match “zzyzx”" in page.text
    assert 'href="/users">Clear search</a>' in page.text


@pytest.mark.parametrize(
    ("tier", "expected"),
    [
        ("free", ["bob", "mallory"]),
        ("pro", ["alice", "carol"]),
        ("-", ["nobody"]),
        ("gold", []),
        ("' OR 1=1 --", []),
    ],
)
def test_people_of_one_tier(app: Flask, alice: Browser, tier: str, expected: list[str]) -> None:
    add(app, "nobody")

    assert sorted(found(alice, tier=tier)) == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("active", ["alice", "bob", "carol", "mallory"]),
        ("deactivated", ["off"]),
        ("deleted", ["gone"]),
        ("nonsense", ["alice", "bob", "carol", "mallory", "off"]),
    ],
)
def test_people_in_one_state(app: Flask, alice: Browser, state: str, expected: list[str]) -> None:
    add(app, "gone", deleted_at=now())
    add(app, "off", active=False)

    assert sorted(found(alice, state=state)) == expected


@pytest.mark.parametrize(
    ("seen", "expected"),
    [("7", ["bob"]), ("90", ["alice", "carol"]), ("x", ["alice", "bob", "carol", "mallory"])],
)
def test_people_by_their_last_activity(
    app: Flask, alice: Browser, seen: str, expected: list[str]
) -> None:
    change(app, "bob", last_seen_at=now() - timedelta(days=6))
    change(app, "mallory", last_seen_at=now() - timedelta(days=30))
    change(app, "carol", last_seen_at=now() - timedelta(days=91))

    assert sorted(found(alice, seen=seen)) == expected


def test_each_view_says_how_many_it_holds(app: Flask, alice: Browser) -> None:
    add(app, "gone", deleted_at=now())
    add(app, "gone2", deleted_at=now())
    add(app, "off", active=False)

    counts = re.findall(r'id="view-(\w+)".*?<span class="n">(\d+)</span>', alice.get("/users").text)

    assert dict(counts) == {"all": "5", "active": "4", "deactivated": "1", "deleted": "2"}


def test_the_views_count_what_the_search_finds(app: Flask, alice: Browser) -> None:
    add(app, "bobby", active=False)

    page = alice.get("/users?q=bob").text

    assert dict(re.findall(r'id="view-(\w+)".*?<span class="n">(\d+)</span>', page)) == {
        "all": "2",
        "active": "1",
        "deactivated": "1",
        "deleted": "0",
    }


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("name", ["alice", "bob", "carol", "mallory"]),
        ("-name", ["mallory", "carol", "bob", "alice"]),
        ("email", ["mallory", "bob", "carol", "alice"]),
        ("-email", ["alice", "carol", "bob", "mallory"]),
        ("joined", ["alice", "bob", "carol", "mallory"]),
        ("-joined", ["mallory", "carol", "bob", "alice"]),
        ("seen", ["alice", "mallory", "bob", "carol"]),  # never is longest ago
        ("-seen", ["carol", "bob", "mallory", "alice"]),
        ("", ["carol", "bob", "mallory", "alice"]),
        ("password_hash", ["carol", "bob", "mallory", "alice"]),
        ("--name", ["carol", "bob", "mallory", "alice"]),
    ],
)
def test_people_in_order(app: Flask, alice: Browser, sort: str, expected: list[str]) -> None:
    begun = now()
    for place, username in enumerate(("alice", "bob", "carol", "mallory")):
        change(app, username, created_at=begun - timedelta(days=9 - place))
    change(app, "mallory", email="a@example.com")
    change(app, "alice", email="z@example.com")
    change(app, "bob", last_seen_at=begun - timedelta(days=2))
    change(app, "carol", last_seen_at=begun - timedelta(days=1))

    assert found(alice, sort=sort) == expected


def test_a_head_says_how_it_sorts_and_turns_round(alice: Browser) -> None:
    page = alice.get("/users?sort=name").text

    assert len(re.findall('aria-sort="ascending"', page)) == 1
    assert links(page)["sort-name"] == {"sort": ["-name"]}


def test_every_link_keeps_what_was_asked(crowd: None, alice: Browser) -> None:
    asked = {"q": "extra", "tier": "-", "state": "active", "sort": "name", "seen": "90"}

    found_links = links(alice.get("/users", query_string=asked).text)

    kept = {name: [value] for name, value in asked.items()}
    assert found_links["page-2"] == {**kept, "page": ["2"]}
    assert found_links["sort-name"] == {**kept, "sort": ["-name"]}
    assert found_links["view-deleted"] == {**kept, "state": ["deleted"]}


def test_a_search_keeps_the_view_and_the_order(alice: Browser) -> None:
    """They are part of the results, so that they stay true when only the results are swapped."""
    part = alice.htmx_get("/users?state=deactivated&sort=name").text

    assert '<input type="hidden" name="state" value="deactivated" form="filters">' in part
    assert '<input type="hidden" name="sort" value="name" form="filters">' in part


def test_pages_hold_everybody_once(crowd: None, alice: Browser) -> None:
    pages = [found(alice, sort="name", page=str(number)) for number in (1, 2, 3)]

    assert [len(page) for page in pages] == [25, 25, 10]
    assert len({name for page in pages for name in page}) == 60
    assert "26–50 of 60" in alice.get("/users?page=2").text


def test_an_absurd_page_is_a_page_all_the_same(crowd: None, alice: Browser) -> None:
    for number in ABSURD:
        page = alice.get("/users", query_string={"page": number})

        assert page.status_code == 200
        assert len(usernames(page.text)) == (10 if number == "99" else 25)


@pytest.mark.parametrize(
    ("state", "sentence"),
    [("deleted", "Nobody is deleted"), ("deactivated", "Nobody is deactivated")],
)
def test_an_empty_view_says_what_it_is_for(alice: Browser, state: str, sentence: str) -> None:
    assert sentence in alice.get(f"/users?state={state}").text


def test_too_many_words_and_too_long_ones_do_no_harm(alice: Browser) -> None:
    assert alice.get("/users", query_string={"q": "a " * 5000}).status_code == 200
    assert alice.get("/users", query_string={"q": "%" * 5000}).status_code == 200


def test_markup_in_a_name_stays_text(app: Flask, alice: Browser) -> None:
    change(app, "bob", name="<img src=x onerror=1>")

    for path in ("/users", "/users/bob", "/users/bob/edit"):
        text = alice.get(path).text
        assert "<img" not in text
        assert "&lt;img src=x" in text
