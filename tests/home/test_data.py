"""A person downloads what is kept about them, and nothing that is not theirs."""

import json
from datetime import timedelta
from typing import Any

from flask import Flask

from app.auth.models import Session
from app.database import now
from app.extensions import db
from app.factors.models import AuthenticatorApp, Passkey
from app.tokens.models import ApiToken
from app.users.models import User
from tests.audit.kept import keep, kept
from tests.people import HASH, PASSWORD, Browser
from tests.users.saved import everything, saved

MINE, SECRET = "/profile/data", "not-for-any-file"


def download(browser: Browser) -> dict[str, Any]:
    answer = browser.post(MINE)
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"] == "attachment; filename=my-data.json"
    assert answer.mimetype == "application/json"
    assert answer.headers["Cache-Control"] == "private, no-store"
    read: dict[str, Any] = json.loads(answer.data)
    return read


def give_things(app: Flask, username: str) -> None:
    """A token, a passkey and an app, whose secrets can be looked for."""
    with app.app_context():
        user = db.session.scalars(User.by_username(username)).unique().one()
        token, _ = ApiToken.made(user, f"{username}'s script", "read", now() + timedelta(days=9))
        token.token_hash, token.hint = f"{SECRET}-{username}", SECRET[:12]
        key = {"credential_id": f"{SECRET}-{username}", "public_key": SECRET.encode()}
        passkey = Passkey(user=user, name=f"{username}'s phone", **key)
        app_row = AuthenticatorApp(user_id=user.id, secret=SECRET)
        db.session.add_all([token, passkey, app_row])
        db.session.commit()


def test_bob_gets_everything_about_himself(app: Flask, bob: Browser) -> None:
    give_things(app, "bob")
    bob.post("/tasks", {"task": "demonstration", "message": "Sums “of” Bob\n"})

    page, mine = bob.get(MINE), download(bob)

    assert "Download file" in page.text
    assert mine["account"]["email"] == "bob@example.com"
    assert (mine["account"]["tier"], mine["account"]["operator"]) == ("free", False)
    assert mine["preferences"]["single_key_shortcuts"] is True
    assert [row["address"] for row in mine["sessions"]] == ["127.0.0.1"]
    assert [row["name"] for row in mine["api_tokens"]] == ["bob's script"]
    assert [row["name"] for row in mine["passkeys"]] == ["bob's phone"]
    assert len(mine["authenticator_apps"]) == 1
    assert [row["status"] for row in mine["tasks"]] == ["queued"]
    used = [(row["route"], row["calls"], row["refused"]) for row in mine["limits_used"]]
    assert used == [("jobs.start", 1, 0)]
    assert mine["activity"][-1]["action"] == "account.exported"
    assert kept(app, "account.exported")[0].actor_name == "Bob Baker"


def test_no_secret_and_nobody_elses_data_is_in_it(app: Flask, alice: Browser, bob: Browser) -> None:
    for name in ("bob", "carol"):
        give_things(app, name)
    carol = {"name": "Carol Cole", "username": "carol", "email": "new@example.org", "tier": "pro"}
    alice.post("/users/carol", carol)
    Browser(app, "carol").post("/tasks", {"task": "demonstration", "message": "of Carol"})
    alice.post("/users/bob/tier", {"tier": "pro"})
    keep(app, actor_id=saved(app, "carol").id, address="203.0.113.9")
    with app.app_context():
        hashes = [*db.session.scalars(db.select(Session.token_hash))]

    of_alice, of_bob = alice.post(MINE).text, bob.post(MINE).text

    for text in (of_alice, of_bob):
        assert SECRET not in text
        assert HASH not in text
        assert not any(each in text for each in hashes)
        assert "arol" not in text
        assert "new@example.org" not in text
        assert "203.0.113.9" not in text
    moved = next(each for each in json.loads(of_bob)["activity"] if each["action"] == "tier.moved")
    assert (moved["actor_name"], moved["address"]) == ("Alice Archer", "")
    assert moved["changes"] == {"tier": ["free", "pro"]}


def test_hundreds_of_events_are_one_json_in_pieces(app: Flask, bob: Browser) -> None:
    bob_id = saved(app, "bob").id
    keep(app, 1203, actor_id=bob_id)

    answer = bob.post(MINE, buffered=False)
    pieces = list(answer.response)

    activity = json.loads(b"".join(pieces))["activity"]
    assert [row["detail"] for row in activity[:1203]] == [f"no {n}" for n in range(1203)]
    assert len(activity) == 1204
    assert max(map(len, pieces)) < 5000


def test_the_password_is_asked_for_before_the_page_and_before_the_file(
    app: Flask, bob: Browser
) -> None:
    with app.app_context():
        db.session.execute(db.update(Session).values(confirmed_at=None))
        db.session.commit()

    assert bob.get(MINE).status_code == 403
    refused = bob.post(MINE)
    assert refused.status_code == 403
    assert "bob@example.com" not in refused.text
    assert kept(app) == []

    assert json.loads(bob.post(MINE, {"confirm_password": PASSWORD}).data)["account"]


def test_a_stranger_gets_nothing(app: Flask, stranger: Browser) -> None:
    before = everything(app)

    assert stranger.get(MINE).location == "/sign-in?next=/profile/data"
    assert stranger.post(MINE).location == "/sign-in"
    assert everything(app) == before


def test_ten_downloads_an_hour_are_enough(bob: Browser, carol: Browser) -> None:
    assert [bob.post(MINE).status_code for _ in range(11)] == [200] * 10 + [429]
    assert carol.post(MINE).status_code == 200
