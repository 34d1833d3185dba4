"""A session ends when it is unused, when it is old, and when its person is shut out."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.auth.models import Session, digest
from app.database import now
from app.extensions import db
from tests.auth.coming_in import copy_of, is_in, sessions_of, sign_in
from tests.auth.programs import Program
from tests.people import Browser
from tests.users.saved import change, everything, saved

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def move(app: Flask, **times: datetime) -> None:
    """Let time pass for every session."""
    with app.app_context():
        db.session.execute(update(Session).values(**times))
        db.session.commit()


def test_a_session_ends_when_it_is_unused(app: Flask, bob: Browser) -> None:
    move(app, idle_until=now() + MINUTE)
    assert is_in(bob)

    move(app, idle_until=now())

    assert not is_in(bob)


def test_a_session_ends_however_much_it_is_used(app: Flask, bob: Browser) -> None:
    move(app, ends_at=now() + MINUTE)
    assert is_in(bob)

    move(app, ends_at=now())

    assert not is_in(bob)


def test_use_keeps_a_session_alive_but_never_past_its_end(app: Flask, bob: Browser) -> None:
    ends_at = now() + 2 * HOUR
    move(app, seen_at=now() - 2 * MINUTE, idle_until=now() + HOUR, ends_at=ends_at)

    bob.get("/")

    row = sessions_of(app, "bob")[0]
    assert row.idle_until > now() + 23 * HOUR
    assert row.ends_at == ends_at
    assert saved(app, "bob").last_seen_at is not None


def test_use_is_noted_once_a_minute_only(app: Flask, bob: Browser) -> None:
    before = sessions_of(app, "bob")[0].seen_at

    bob.get("/")

    assert sessions_of(app, "bob")[0].seen_at == before


@pytest.mark.parametrize(("keep", "idle"), [("", DAY), ("y", 7 * DAY)])
def test_a_session_lives_as_long_as_documented(
    app: Flask, stranger: Browser, keep: str, idle: timedelta
) -> None:
    sign_in(stranger, keep=keep)

    row = sessions_of(app, "bob")[0]
    assert row.idle_until - row.created_at == pytest.approx(idle, abs=timedelta(seconds=1))
    assert row.ends_at - row.created_at == pytest.approx(30 * DAY, abs=timedelta(seconds=1))


@pytest.mark.parametrize(("keep", "idle"), [("", 3 * HOUR), ("y", 2 * DAY)])
def test_settings_decide_how_long_a_session_lives(
    app: Flask, stranger: Browser, monkeypatch: pytest.MonkeyPatch, keep: str, idle: timedelta
) -> None:
    chosen = {"session_idle_hours": 3, "session_remember_days": 2, "session_absolute_days": 5}
    settings = app.config["SETTINGS"].model_copy(update=chosen)
    monkeypatch.setitem(app.config, "SETTINGS", settings)

    sign_in(stranger, keep=keep)
    Program(app, "bob")

    of_browser, of_program = sessions_of(app, "bob")
    assert of_browser.idle_seconds == idle.total_seconds()
    for row in (of_browser, of_program):
        assert row.ends_at - row.created_at == pytest.approx(5 * DAY, abs=timedelta(seconds=1))


@pytest.mark.parametrize("values", [{"active": False}, {"deleted_at": now()}])
def test_whoever_is_shut_out_is_out_on_the_very_next_request(
    app: Flask, bob: Browser, values: dict[str, Any]
) -> None:
    assert is_in(bob)

    change(app, "bob", **values)

    assert not is_in(bob)
    assert bob.htmx_get("/tasks").headers["HX-Redirect"].startswith("/sign-in")


@pytest.mark.parametrize(("out", "back"), [("deactivate", "activate"), ("delete", "restore")])
def test_a_session_from_before_does_not_come_back_with_the_account(
    app: Flask, alice: Browser, bob: Browser, out: str, back: str
) -> None:
    thief = copy_of(bob)

    alice.post(f"/users/bob/{out}")
    alice.post(f"/users/bob/{back}")

    assert saved(app, "bob").is_active
    assert not is_in(thief)


def test_the_database_never_holds_a_token(app: Flask, stranger: Browser) -> None:
    sign_in(stranger)

    with stranger.client.session_transaction() as session:
        token = session["_user_id"]
    assert len(token) >= 32
    assert sessions_of(app, "bob")[0].token_hash == digest(token) != token
    assert token not in str(everything(app))


def test_what_ended_by_itself_is_cleared_away_at_the_next_sign_in(app: Flask, bob: Browser) -> None:
    move(app, idle_until=now())

    sign_in(Browser(app))

    assert len(sessions_of(app, "bob")) == 1


def test_signing_in_again_ends_the_session_from_before(app: Flask, bob: Browser) -> None:
    thief = copy_of(bob)

    assert sign_in(bob).status_code == 303

    assert is_in(bob)
    assert not is_in(thief)
    assert len(sessions_of(app, "bob")) == 1


def test_a_session_knows_its_address_and_browser_but_no_more_than_fits(
    app: Flask, stranger: Browser
) -> None:
    form = {"login": "bob", "password": "correct horse battery"}

    stranger.post("/sign-in", form, headers={"User-Agent": "Browser/" + "9" * 999})

    row = sessions_of(app, "bob")[0]
    assert row.address == "127.0.0.1"
    assert len(row.agent) == 255


def test_sessions_go_with_their_person(app: Flask, bob: Browser) -> None:
    with app.app_context():
        row = db.session.scalars(select(Session)).one()
        db.session.delete(row.user)
        db.session.commit()

        assert db.session.scalars(select(Session)).all() == []
