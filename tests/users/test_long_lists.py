"""A list too long to be counted: its pages are found by keys, and nobody is passed over."""

import html
import re
from base64 import urlsafe_b64encode

import pytest
from flask import Flask
from sqlalchemy import text

from app import counting, search
from app.counting import two_digits
from app.database import now
from app.extensions import db
from app.users import found
from tests.calls import Caller, wrong_fields
from tests.people import Browser, person
from tests.statements import statements
from tests.users.saved import add
from tests.users.test_list_users import usernames

MANY = 90  # with the cast: four pages, of which the last has 19
WRITTEN = ("[1,2]", "[]", "null", "[1,1,1]", r'[1,"\ud800",1]', r'[1,"\u0000",1]', '[1,"a",1e99]')
JUNK = ["x", "é", "W" * 1001, *(urlsafe_b64encode(each.encode()).decode() for each in WRITTEN)]


@pytest.fixture
def crowd(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """More people than are counted exactly; some were here, at one moment, and some never."""
    monkeypatch.setattr(counting, "EXACT_UP_TO", 30)
    with app.app_context():
        people = [person(f"extra{each:02}", f"Extra {each % 7}") for each in range(MANY)]
        here = now()
        for each in people[::3]:
            each.last_seen_at = here
        db.session.add_all(people)
        db.session.commit()
        if db.engine.dialect.name == "postgresql":
            db.session.execute(text("ANALYZE users"))
            db.session.commit()
        return sorted(db.session.scalars(text("SELECT username FROM users")))


def go(browser: Browser, page: str, name: str) -> str:
    link = re.search(rf'<a id="page-{name}" href="([^"]+)"', page)
    assert link, name
    return browser.get(html.unescape(link.group(1))).text


@pytest.mark.parametrize("sort", [f"{way}{sort}" for sort in found.SORTS for way in ("", "-")])
def test_who_goes_on_and_on_meets_everybody_once_and_again_on_the_way_back(
    crowd: list[str], alice: Browser, sort: str
) -> None:
    page = alice.get("/users", query_string={"sort": sort}).text
    pages = [usernames(page)]
    while 'id="page-next" href' in page:
        page = go(alice, page, "next")
        pages.append(usernames(page))

    assert sorted(name for page in pages for name in page) == crowd
    assert [len(each) for each in pages] == [25, 25, 25, 19]
    for expected in pages[-2::-1]:
        page = go(alice, page, "prev")
        assert usernames(page) == expected


def test_it_says_about_how_many_there_are(crowd: list[str], alice: Browser) -> None:
    page = alice.get("/users").text

    assert re.search(r"1–25 of about \d\d\b", page)
    assert re.search(r'id="view-all".*?<span class="n">about \d+</span>', page)
    assert re.search(r'id="view-deleted".*?<span class="n">0</span>', page)


def test_the_last_page_is_read_from_the_end(crowd: list[str], alice: Browser) -> None:
    page = go(alice, alice.get("/users?sort=name").text, "2")
    last = max(map(int, re.findall(r'id="page-(\d+)"', page)))

    end = usernames(go(alice, page, str(last)))

    assert end[-1] == "mallory"  # Mallory Marsh is the last by name
    assert 1 <= len(end) <= 25


def test_a_deep_page_skips_no_rows(app: Flask, mode: str, crowd: list[str], alice: Browser) -> None:
    page = go(alice, alice.get("/users?sort=-name").text, "2")

    with statements(app) as said:
        go(alice, page, "next")

    lists = [each for each in said if "key_0" in each]
    assert len(lists) == 1
    assert mode == "embedded" or "OFFSET" not in lists[0]  # SQLite is always told one, here 0


def test_people_who_come_and_go_shift_nothing(app: Flask, crowd: list[str], alice: Browser) -> None:
    page = go(alice, alice.get("/users?sort=joined").text, "2")
    seen = usernames(page)
    with app.app_context():
        db.session.execute(text("DELETE FROM users WHERE username = 'extra00'"))
        db.session.commit()

    assert usernames(go(alice, page, "next"))[0] == f"extra{int(seen[-1][5:]) + 1:02}"


@pytest.mark.parametrize("cursor", JUNK)
def test_a_cursor_of_somewhere_else_is_the_page_by_its_number(
    crowd: list[str], alice: Browser, cursor: str
) -> None:
    by_number = usernames(alice.get("/users?sort=name&page=2").text)

    answer = alice.get("/users", query_string={"sort": "name", "page": 2, "cursor": cursor})

    assert answer.status_code == 200
    assert usernames(answer.text) == by_number


class TestPrograms:
    def test_they_follow_the_link_to_the_end(self, app: Flask, crowd: list[str]) -> None:
        alices = Caller(app, "alice")
        path, names, pages = "/users?items_per_page=40&sort=-name", [], []
        while path:
            answer = alices.get(path)
            names += [each["username"] for each in answer.json["data"]]
            pages.append((answer.json["page"], answer.json["has_more"]))
            link = answer.headers.get("Link", "")
            path = link.partition("/api/v1")[2].partition(">")[0]
            assert (link != "") == answer.json["has_more"]
            assert answer.headers["Total-Is-Estimate"] == "true"

        assert sorted(names) == crowd
        assert pages == [(1, True), (2, True), (3, False)]

    def test_short_lists_are_counted(self, app: Flask) -> None:
        answer = Caller(app, "alice").get("/users?items_per_page=3")

        assert answer.json["total_count"] == 4
        assert "Total-Is-Estimate" not in answer.headers
        assert 'rel="next"' in answer.headers["Link"]

    @pytest.mark.parametrize("cursor", JUNK)
    def test_junk_is_refused_at_its_field(self, app: Flask, cursor: str) -> None:
        answer = Caller(app, "alice").get(f"/users?sort=name&cursor={cursor}")

        assert wrong_fields(answer) == ["cursor"]

    @pytest.mark.parametrize("cursor", ["x", "é", "a.b"])
    def test_who_sends_junk_is_told_what_to_send(self, app: Flask, cursor: str) -> None:
        answer = Caller(app, "alice").get(f"/users?sort=name&cursor={cursor}")

        assert "Use the cursor of an answer's Link header" in answer.text


class TestSearch:
    def test_the_words_are_indexed_where_the_database_can(self, app: Flask, mode: str) -> None:
        with app.app_context():
            assert search.is_indexed("users") == (mode == "server")

    @pytest.mark.parametrize(
        ("q", "names"),
        [
            ("ell bert", ["zoe"]),
            ("@one.exam", ["zoe"]),
            ("zoË", ["zoe"]),
            ("be", ["zoe"]),
            ("50%", ["sale"]),
            ("nobody", []),
        ],
    )
    def test_any_part_of_a_name_a_username_and_an_address(
        self, app: Flask, alice: Browser, q: str, names: list[str]
    ) -> None:
        add(app, "zoe", "Zoë Bell Bertrand", email="zo@one.example")
        add(app, "sale", "Off 50% Sale")

        found = usernames(alice.get("/users", query_string={"q": q}).text)

        assert [each for each in found if each in ("zoe", "sale")] == names

    def test_where_nothing_is_indexed_the_newest_are_looked_through_and_it_is_said(
        self, app: Flask, alice: Browser, unindexed: None
    ) -> None:
        assert "newest" not in alice.get("/users?q=bo").text
        for each in ("dora", "emil", "frida"):
            add(app, each, f"{each.title()} Bobtail")

        page = alice.get("/users?q=bo").text

        assert usernames(page) == ["frida", "emil", "dora"]  # not Bob, the second of all
        assert "The 4 newest accounts are searched" in page
        assert usernames(alice.get("/users?q=bob").text)[-1] == "bob"  # but who is called so


@pytest.fixture
def unindexed(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "is_indexed", lambda _table: False)
    monkeypatch.setattr(search, "NEWEST", 4)


@pytest.mark.parametrize(
    ("value", "said"), [(7, 7), (99, 99), (12_345, 12_000), (987_654, 990_000), (0, 0)]
)
def test_estimates_are_said_to_two_digits(value: int, said: int) -> None:
    assert two_digits(value) == said
