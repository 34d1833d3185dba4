"""Adding, renaming and removing second factors on one's own Security page."""

import re

import pytest
from flask import Flask
from sqlalchemy import update
from werkzeug.test import TestResponse

from app.auth.models import Session
from app.extensions import db
from app.factors import checks
from app.factors.models import AuthenticatorApp, Passkey, RecoveryCode
from app.users.one_time import OneTimeToken
from tests.audit.kept import kept
from tests.auth.coming_in import let_pass
from tests.factors.authenticator import Authenticator
from tests.factors.held import (
    add_passkey,
    code_of,
    give_app,
    give_codes,
    options_in,
    stored,
    user_named,
    wrong_code,
)
from tests.mailbox import mails
from tests.people import Browser

CODE = r"\b(?:[2-9a-z]{4}-){2}[2-9a-z]{4}\b"


def begin_app(browser: Browser) -> str:
    """Start adding an app; returns the key that the page shows."""
    assert browser.post("/security/app/new").location == "/security/app/new"
    found = re.search(r'id="app-key"[^>]*>([A-Z2-7 ]+)<', browser.get("/security/app/new").text)
    assert found
    return found.group(1).replace(" ", "")


def codes_in(answer: TestResponse) -> list[str]:
    block = re.search(r'<pre[^>]*id="new-codes"[^>]*>(.*?)</pre>', answer.text, re.S)
    return re.findall(CODE, block.group(1)) if block else []


def actions(app: Flask) -> list[str]:
    return [event.action for event in kept(app)]


def test_an_app_is_added_with_its_first_code_and_ten_recovery_codes(
    app: Flask, bob: Browser
) -> None:
    secret = begin_app(bob)
    assert len(secret) == 32
    code = code_of(secret)
    answer = bob.post("/security/app", {"code": code})

    assert answer.status_code == 200
    codes = codes_in(answer)
    assert len(set(codes)) == 10
    (row,) = stored(app, AuthenticatorApp)
    assert secret not in row.secret
    assert actions(app) == ["factor.codes_made", "factor.app_added"]
    assert [mail.to for mail in mails(app)] == ["bob@example.com"]
    assert "An authenticator app was added." in mails(app)[0].text
    assert "If this was not you" in mails(app)[0].text
    assert not set(codes) & set(re.findall(CODE, bob.get("/security").text))
    with app.app_context():
        user = user_named("bob")
        assert checks.has_factors(user)
        assert not checks.check_code(user, code)  # it was used to add the app
        assert checks.check_code(user, codes[0])


def test_the_qr_code_is_drawn_on_the_server(bob: Browser) -> None:
    begin_app(bob)
    page = bob.get("/security/app/new").text

    svg = re.search(r'<svg class="qr".*?</svg>', page, re.S)
    assert svg
    assert "<path" in svg.group()
    assert "data:" not in svg.group()
    assert "style" not in svg.group()


def test_wrong_first_codes_add_nothing_and_the_fifth_ends_it(app: Flask, bob: Browser) -> None:
    secret = begin_app(bob)
    refused = bob.post("/security/app", {"code": "12 34"})
    assert (refused.status_code, refused.text.count("autofocus")) == (422, 1)
    for _ in range(4):
        assert bob.post("/security/app", {"code": wrong_code(secret)}).status_code == 422

    assert bob.post("/security/app", {"code": wrong_code(secret)}).status_code == 303
    assert bob.post("/security/app", {"code": code_of(secret)}).status_code == 303
    assert stored(app, AuthenticatorApp) == []


def test_there_is_one_app(app: Flask, bob: Browser) -> None:
    secret = begin_app(bob)
    give_app(app)

    assert bob.post("/security/app", {"code": code_of(secret)}).status_code == 303
    assert len(stored(app, AuthenticatorApp)) == 1
    assert bob.post("/security/app/new").location == "/"


def test_a_step_is_worth_nothing_to_somebody_else(
    app: Flask, bob: Browser, mallory: Browser
) -> None:
    secret = begin_app(bob)
    with bob.client.session_transaction() as session:
        token = session["adding_app"]
    with mallory.client.session_transaction() as session:
        session["adding_app"] = token

    assert mallory.get("/security/app/new").status_code == 303
    assert mallory.post("/security/app", {"code": code_of(secret)}).status_code == 303
    assert stored(app, AuthenticatorApp) == []


def test_a_passkey_is_added_renamed_and_removed(app: Flask, bob: Browser) -> None:
    add_passkey(bob)
    (row,) = stored(app, Passkey)
    assert (row.name, row.sign_count) == ("Key", 1)
    assert len(stored(app, RecoveryCode)) == 10
    place = f"/security/passkeys/{row.id}"
    assert bob.post(place, {"name": " "}).status_code == 422
    assert bob.post(place, {"name": "Blue  key"}).location == "/security"
    assert "Blue key" in bob.get("/security").text
    assert "your recovery codes go too" in bob.get(place).text

    answer = bob.post(f"{place}/remove")

    assert answer.location == "/security"
    assert "your recovery codes are gone too" in bob.get("/security").text
    assert stored(app, Passkey) == stored(app, RecoveryCode) == []
    assert actions(app) == ["factor.codes_made", "factor.passkey_added", "factor.passkey_removed"]
    texts = "".join(mail.text for mail in mails(app))
    assert "“Key” was added" in texts
    assert "Blue key is removed" in texts


def test_a_second_factor_brings_no_new_codes_and_leaving_one_keeps_them(
    app: Flask, bob: Browser
) -> None:
    add_passkey(bob)
    secret = begin_app(bob)
    assert bob.post("/security/app", {"code": code_of(secret)}).location == "/security"

    assert bob.post("/security/app/remove").location == "/security"

    assert len(stored(app, RecoveryCode)) == 10
    assert actions(app)[-1] == "factor.app_removed"


def test_a_device_is_asked_not_to_add_itself_twice(app: Flask, bob: Browser) -> None:
    device = add_passkey(bob)
    bob.post("/security/passkeys/new")
    options = options_in(bob.get("/security/passkeys/new"))
    assert len(options["excludeCredentials"]) == 1
    assert options["rp"]["id"] == "localhost"

    again = {"name": "Again", "answer": device.create(options)}
    assert bob.post("/security/passkeys", again).status_code == 303
    assert len(stored(app, Passkey)) == 1


@pytest.mark.parametrize("lie", ["origin", "challenge", "rubbish"])
def test_an_answer_that_is_not_right_adds_nothing(app: Flask, bob: Browser, lie: str) -> None:
    bob.post("/security/passkeys/new")
    options = options_in(bob.get("/security/passkeys/new"))
    device = Authenticator()
    answers = {
        "origin": lambda: device.create(options, "http://evil.example"),
        "challenge": lambda: device.create({**options, "challenge": "AAAA"}),
        "rubbish": lambda: '{"id": "x", "rawId": []}',
    }

    answer = bob.post("/security/passkeys", {"name": "Key", "answer": answers[lie]()})

    assert answer.status_code == 422
    assert stored(app, Passkey) == []


def test_new_codes_replace_the_old_ones_and_can_be_taken_home(app: Flask, bob: Browser) -> None:
    give_app(app)
    old = give_codes(app)

    answer = bob.post("/security/codes")

    new = codes_in(answer)
    assert len(new) == 10
    with app.app_context():
        user = user_named("bob")
        assert not checks.check_code(user, old[0])
        assert checks.check_code(user, new[0])
        db.session.commit()
    assert "9 codes left" in bob.get("/security").text
    file = bob.post("/security/codes/file", {"codes": " ".join(new)})
    assert file.mimetype == "text/plain"
    assert file.headers["Content-Disposition"].startswith("attachment")
    assert file.text.split() == new
    assert bob.post("/security/codes/file", {"codes": "<script>"}).status_code == 400


def test_without_a_factor_there_are_no_codes(app: Flask, bob: Browser) -> None:
    assert bob.post("/security/codes").status_code == 303
    assert stored(app, RecoveryCode) == []


DOORS = (
    "/security/app/new",
    "/security/app",
    "/security/app/remove",
    "/security/codes",
    "/security/passkeys/new",
    "/security/passkeys",
    "/security/passkeys/1",
    "/security/passkeys/1/remove",
)


@pytest.mark.parametrize("door", DOORS)
def test_every_door_asks_who_it_is_and_for_the_password(
    app: Flask, stranger: Browser, bob: Browser, door: str
) -> None:
    assert stranger.post(door).location.startswith("/sign-in")
    with app.app_context():
        db.session.execute(update(Session).values(confirmed_at=None))
        db.session.commit()

    answer = bob.post(door)

    assert answer.status_code == 403
    assert "Confirm it is you" in answer.text
    assert stored(app, OneTimeToken) == []


@pytest.mark.parametrize(
    ("door", "secret"), [("app", 'id="app-key"'), ("passkeys", "data-options")]
)
def test_a_page_that_shows_a_secret_asks_for_the_password_too(
    app: Flask, stranger: Browser, bob: Browser, door: str, secret: str
) -> None:
    place = f"/security/{door}/new"
    assert bob.post(place).location == place
    assert secret in bob.get(place).text
    let_pass(app, 11, "bob")

    answer = bob.get(place)

    assert answer.status_code == 403
    assert "Confirm it is you" in answer.text
    assert secret not in answer.text
    assert stranger.get(place).location == f"/sign-in?next={place}"


def test_nobody_reaches_the_passkey_of_somebody_else(
    app: Flask, bob: Browser, mallory: Browser, alice: Browser
) -> None:
    add_passkey(bob)
    place = f"/security/passkeys/{stored(app, Passkey)[0].id}"

    for other in (mallory, alice):
        assert other.get(place).status_code == 404
        assert other.post(place, {"name": "Mine"}).status_code == 404
        assert other.post(f"{place}/remove").status_code == 404
    assert stored(app, Passkey)[0].name == "Key"


def test_an_operator_can_take_everything_away(app: Flask, bob: Browser, carol: Browser) -> None:
    for browser in (bob, carol):
        add_passkey(browser)
    give_app(app)
    with app.app_context():
        checks.remove_all(user_named("bob"))
        db.session.commit()
        assert not checks.has_factors(user_named("bob"))
        assert checks.has_factors(user_named("carol"))

    assert len(stored(app, RecoveryCode)) == 10
    assert stored(app, AuthenticatorApp) == []
