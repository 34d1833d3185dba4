"""An invited person chooses a first password by a link that works once."""

import html
import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from flask import Flask
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from app.database import now
from app.users import links
from app.users.one_time import fingerprint
from tests.auth.coming_in import is_in, sign_in
from tests.people import Browser
from tests.users.saved import add, change, everything, saved

GONE = "This link was used already, or it is too old. Ask for a new one."
CHOSEN = "seven green bottles"


@pytest.fixture
def link(app: Flask, alice: Browser, without_mail: None) -> str:
    """The path of Dora's invitation, as Alice copies it from her page where no mail is sent."""
    form = {"name": "Dora Dale", "username": "dora", "email": "dora@example.com", "tier": "free"}
    page = alice.post("/users/new-user", form)
    shown = alice.get(page.location).text
    address = html.unescape(re.search(r'id="invitation" value="([^"]+)"', shown)[1])
    assert urlsplit(address).netloc == "localhost"
    return urlsplit(address).path


def test_dora_chooses_a_password_and_signs_in_with_it(
    app: Flask, stranger: Browser, link: str
) -> None:
    page = stranger.get(link)
    answer = stranger.post(link, {"password": CHOSEN})

    assert "Welcome, Dora Dale" in page.text
    assert (answer.status_code, answer.location) == (303, "/sign-in")
    assert saved(app, "dora").has_password(CHOSEN)
    assert sign_in(stranger, "dora", CHOSEN).status_code == 303


def test_choosing_a_password_never_signs_in(stranger: Browser, link: str) -> None:
    stranger.post(link, {"password": CHOSEN})

    assert not is_in(stranger)


def test_htmx_is_sent_to_sign_in(app: Flask, stranger: Browser, link: str) -> None:
    answer = stranger.htmx_post(link, {"password": CHOSEN})

    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/sign-in")
    assert saved(app, "dora").has_password(CHOSEN)


def test_looking_does_not_use_the_link_up(app: Flask, stranger: Browser, link: str) -> None:
    before = everything(app)

    assert [stranger.get(link).status_code for _ in range(3)] == [200, 200, 200]
    assert everything(app) == before
    assert stranger.post(link, {"password": CHOSEN}).status_code == 303


def test_a_link_works_once(app: Flask, stranger: Browser, link: str) -> None:
    stranger.post(link, {"password": CHOSEN})

    answer = stranger.post(link, {"password": "something else"})

    assert answer.status_code == 404
    assert stranger.get(link).status_code == 404
    assert saved(app, "dora").has_password(CHOSEN)


def test_a_used_link_says_what_to_do(stranger: Browser, link: str) -> None:
    stranger.post(link, {"password": CHOSEN})

    assert GONE in stranger.get(link).text


def test_a_changed_link_is_refused(app: Flask, stranger: Browser, link: str) -> None:
    other = "A" if link[-9] != "A" else "B"
    forged = [f"{link[:-9]}{other}{link[-8:]}", link[:-5], "/welcome/x.y.z", "/welcome/é"]

    for path in forged:
        assert stranger.get(path).status_code == 404
        assert stranger.post(path, {"password": CHOSEN}).status_code == 404
    assert saved(app, "dora").password_hash is None


def test_a_link_made_for_another_purpose_is_refused(
    app: Flask, stranger: Browser, link: str
) -> None:
    with app.test_request_context():
        dora = saved(app, "dora")
        signer = URLSafeTimedSerializer(app.secret_key, salt="another purpose")
        other = signer.dumps([dora.uuid.hex, fingerprint(dora)[:24], False])

    assert stranger.post(f"/welcome/{other}", {"password": CHOSEN}).status_code == 404


@pytest.mark.parametrize(("days", "status"), [(6, 200), (8, 404)])
def test_a_link_lasts_for_seven_days(
    app: Flask,
    stranger: Browser,
    monkeypatch: pytest.MonkeyPatch,
    days: int,
    status: int,
) -> None:
    dora = add(app, "dora", password_hash=None)
    made = int((now() - timedelta(days=days)).timestamp())
    with monkeypatch.context() as clock, app.app_context():
        clock.setattr(TimestampSigner, "get_timestamp", lambda _self: made)
        token = links.invitation(dora)

    assert stranger.get(f"/welcome/{token}").status_code == status


@pytest.mark.parametrize("deed", ["deactivate", "delete"])
def test_whoever_is_shut_out_cannot_use_the_link(
    app: Flask, alice: Browser, stranger: Browser, link: str, deed: str
) -> None:
    alice.post(f"/users/dora/{deed}")

    assert stranger.post(link, {"password": CHOSEN}).status_code == 404
    assert saved(app, "dora").password_hash is None


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("", "Enter a password"),
        ("7 chars", "Use 8 characters or more"),
        ("x" * 129, "Use 128 characters or fewer"),
        ("I am DORA 1987", "Choose a password that does not contain your username"),
    ],
)
def test_a_weak_password_is_refused(
    app: Flask, stranger: Browser, link: str, password: str, sentence: str
) -> None:
    page = stranger.post(link, {"password": password})
    part = stranger.htmx_post(link, {"password": password})

    assert (page.status_code, part.status_code) == (422, 422)
    assert sentence in page.text
    assert sentence in part.text
    assert "<html" not in part.text
    assert len(re.findall(r"\bautofocus\b", part.text)) == 1
    assert not password or f'value="{password}"' not in page.text + part.text
    assert saved(app, "dora").password_hash is None


def test_a_long_password_is_taken_whole(app: Flask, stranger: Browser, link: str) -> None:
    stranger.post(link, {"password": "é" * 128})

    assert saved(app, "dora").has_password("é" * 128)
    assert not saved(app, "dora").has_password("é" * 127)


def test_whoever_is_signed_in_stays_who_they_are(
    stranger: Browser, link: str, bob: Browser
) -> None:
    bob.post(link, {"password": CHOSEN})

    assert "Bob Baker" in bob.get("/").text


def test_a_page_says_whom_the_password_is_for(app: Flask, stranger: Browser, link: str) -> None:
    assert 'name="username" value="dora" autocomplete="username"' in stranger.get(link).text


def test_a_link_lets_nobody_become_an_operator(app: Flask, stranger: Browser, link: str) -> None:
    extra = {"is_superuser": "1", "username": "alice", "tier": "pro", "tier_id": "2"}

    stranger.post(link, {"password": CHOSEN, **extra})

    dora = saved(app, "dora")
    assert not dora.is_superuser
    assert dora.tier is not None
    assert dora.tier.name == "free"


def test_whoever_has_a_password_is_not_invited(app: Flask, alice: Browser, link: str) -> None:
    change(app, "dora", password_hash=saved(app, "bob").password_hash)

    assert "/welcome/" not in alice.get("/users/dora").text
    assert "/welcome/" not in alice.get("/users/bob").text


def test_a_link_ends_when_the_address_it_went_to_is_corrected(
    app: Flask, alice: Browser, stranger: Browser, without_mail: None
) -> None:
    form = {"name": "Dora Dale", "username": "dora", "email": "wrong@example.com", "tier": "free"}
    alice.post("/users/new-user", form)
    found = re.search(r"/welcome/[\w.-]+", alice.get("/users/dora").text)
    assert found

    alice.post("/users/dora", {**form, "email": "dora@example.com"})

    assert stranger.get(found.group()).status_code == 404
