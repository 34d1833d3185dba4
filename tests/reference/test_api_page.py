"""The page API: how to call it, in three languages, and the reader's own limits."""

import re

import pytest
from flask import Flask

from app.openapi import document
from app.reference.examples import DEEDS, LANGUAGES
from tests.people import FREE_STARTS, PRO_STARTS, Browser
from tests.reference.test_documents import environment
from tests.tokens.deeds import bearing, token_of
from tests.users.saved import everything

PAGE = "/developers/api"


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def row(html: str, method: str, path: str) -> str:
    """What the page says of one call, in words."""
    rows = [words(each) for each in html.split("<tr ")[1:]]
    [found] = [each for each in rows if f"{method} {path} " in each]
    return found


def test_strangers_are_asked_to_sign_in(stranger: Browser) -> None:
    assert stranger.get(PAGE).status_code == 303


def test_everybody_finds_it_in_the_menu(bob: Browser) -> None:
    html = bob.get(PAGE).text

    assert re.search(r'href="/developers/api" aria-current="page">.*?API</a>', html, re.S)
    assert ">Developers</h2>" in html


def test_every_call_of_the_document_is_on_it_with_who_may(app: Flask, bob: Browser) -> None:
    html = bob.get(PAGE).text

    for path, methods in document(app)["paths"].items():
        for method in methods:
            if not path.endswith("/"):
                said = row(html, method.upper(), path)
                assert re.search(r" (Everybody|Signed in|Operators) ", said), said


def test_the_readers_own_limit_stands_beside_the_call(
    app: Flask, bob: Browser, carol: Browser
) -> None:
    start = "/api/v1/tasks/task"
    for who, limit in ((bob, FREE_STARTS), (carol, PRO_STARTS)):
        said = row(who.get(PAGE).text, "POST", start)
        assert f"{limit} per hour · resets in " in said
        assert f"0 of {limit} used" in said

    headers = bearing(token_of(app, "carol"))
    assert app.test_client().post(f"{start}?message=Hi", headers=headers).status_code == 201

    assert f"1 of {PRO_STARTS} used 9 left" in row(carol.get(PAGE).text, "POST", start)
    assert f"0 of {FREE_STARTS} used" in row(bob.get(PAGE).text, "POST", start)
    assert "Not limited" in row(bob.get(PAGE).text, "GET", "/api/v1/user/me")
    assert "Throttled by address" in row(bob.get(PAGE).text, "POST", "/api/v1/login")


def test_a_limit_that_is_used_up_is_said_so(app: Flask, bob: Browser) -> None:
    headers = bearing(token_of(app, "bob"))
    app.test_client().post("/api/v1/tasks/task?message=Hi", headers=headers)

    assert "Limit reached" in row(bob.get(PAGE).text, "POST", "/api/v1/tasks/task")


def test_looking_costs_nothing(app: Flask, bob: Browser) -> None:
    before = everything(app)
    for _ in range(3):
        bob.get(PAGE)

    assert everything(app) == before
    assert f"0 of {FREE_STARTS} used" in bob.get(PAGE).text.replace("</span>", "").replace(
        '<span class="strong">', ""
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_examples_are_for_this_site_and_hold_no_secret(bob: Browser, language: str) -> None:
    html = bob.get(f"{PAGE}?in={language}").text

    for deed in DEEDS:
        [code] = re.findall(rf'<pre class="code" id="example-{deed}"[^>]*>(.*?)</pre>', html, re.S)
        assert "http://localhost/api/v1" in code
        assert "GATEHOUSE_" in code
        assert not re.search("gtp_|{{", code)


def test_another_language_is_the_first(bob: Browser) -> None:
    html = bob.get(f"{PAGE}?in=<b>").text

    assert re.search(r'aria-current="page">curl</a>', html)
    assert "<b>" not in html


def test_documents_are_linked_where_they_are_open(app: Flask, bob: Browser, alice: Browser) -> None:
    def links(who: Browser, name: str) -> set[str]:
        with environment(app, name):
            return set(re.findall(r'href="(/docs|/redoc|/openapi.json)"', who.get(PAGE).text))

    every = {"/docs", "/redoc", "/openapi.json"}
    assert links(bob, "local") == links(alice, "local") == links(alice, "staging") == every
    assert links(bob, "staging") == links(alice, "production") == set()
