"""The document of the API and its two readers: who may open them, and what they are made of."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask

from app.envelope import POLICY
from tests.people import Browser
from tests.tokens.deeds import bearing, token_of

DOCUMENTS = ("/openapi.json", "/docs", "/redoc")


@contextmanager
def environment(app: Flask, name: str) -> Iterator[None]:
    before = app.config["SETTINGS"]
    app.config["SETTINGS"] = before.model_copy(update={"environment": name})
    yield
    app.config["SETTINGS"] = before


def statuses(app: Flask, name: str, who: Browser) -> list[int]:
    with environment(app, name):
        return [who.get(path).status_code for path in DOCUMENTS]


def test_where_it_is_developed_everybody_reads_them(
    app: Flask, stranger: Browser, bob: Browser, alice: Browser
) -> None:
    for who in (stranger, bob, alice):
        assert statuses(app, "local", who) == [200, 200, 200]


def test_in_staging_operators_do_others_are_refused_and_strangers_asked_to_sign_in(
    app: Flask, stranger: Browser, bob: Browser, alice: Browser
) -> None:
    assert statuses(app, "staging", alice) == [200, 200, 200]
    assert statuses(app, "staging", bob) == [403, 403, 403]
    assert statuses(app, "staging", stranger) == [303, 303, 303]
    with environment(app, "staging"):
        assert stranger.get("/docs").location.startswith("/sign-in?next=")


def test_in_production_there_is_nothing_for_anybody(
    app: Flask, stranger: Browser, bob: Browser, alice: Browser
) -> None:
    for who in (stranger, bob, alice):
        assert statuses(app, "production", who) == [404, 404, 404]


def test_a_token_opens_no_document_in_staging(app: Flask, stranger: Browser) -> None:
    token = token_of(app, "alice")
    with environment(app, "staging"):
        assert stranger.get("/openapi.json", headers=bearing(token)).status_code == 303


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/redoc"])
def test_whoever_has_the_document_gets_it_once(stranger: Browser, path: str) -> None:
    first = stranger.get(path)
    again = stranger.get(path, headers={"If-None-Match": first.headers["ETag"]})

    assert path != "/openapi.json" or json.loads(first.data)["openapi"] == "3.1.0"
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert (again.status_code, again.data) == (304, b"")


def test_the_document_is_made_once(app: Flask, stranger: Browser) -> None:
    stranger.get("/openapi.json")
    known = app.extensions["openapi"]

    stranger.get("/openapi.json")

    assert app.extensions["openapi"] is known


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_readers_load_nothing_from_elsewhere_and_run_nothing_in_the_page(
    stranger: Browser, path: str
) -> None:
    html = stranger.get(path).text

    addresses = re.findall(r'(?:src|href|data-\w+)="([^"]*)"', html)
    assert len(addresses) >= 6
    assert all(each.startswith("/") and not each.startswith("//") for each in addresses)
    assert re.findall(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", html) == []


def test_swagger_ui_has_the_policy_of_every_page(stranger: Browser) -> None:
    assert stranger.get("/docs").headers["Content-Security-Policy"] == POLICY


def test_redoc_may_use_two_known_style_sheets_more_and_nothing_else(stranger: Browser) -> None:
    policy = stranger.get("/redoc").headers["Content-Security-Policy"]

    more = re.findall(r" 'sha256-[\w+/]{43}='", policy)
    assert len(more) == 2
    assert not re.search("unsafe|data:|blob:|nonce", policy)
    for each in more:
        policy = policy.replace(each, "")
    assert policy == POLICY


LICENCES = {
    "redoc/LICENSE": "MIT",
    "redoc/redoc.standalone.js.LICENSE.txt": "license",
    "swagger-ui-dist/LICENSE": "Apache License",
    "swagger-ui-dist/NOTICE": "SmartBear",
    "swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt": "license",
}


@pytest.mark.parametrize("name", LICENCES)
def test_files_of_others_come_with_their_licences(app: Flask, stranger: Browser, name: str) -> None:
    with app.test_request_context():
        where = app.jinja_env.globals["asset"](f"vendor/{name}")  # type: ignore[operator]

    assert LICENCES[name] in stranger.get(where).text
