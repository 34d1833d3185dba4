"""Refresh tokens are good once; one that comes again ends the sign-in. Log-out is for good."""

from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app import create_app
from app.audit.models import Event
from app.auth.models import Session
from app.config import load_settings
from app.database import now
from app.extensions import cache, db, limiter, queue
from tests.auth.coming_in import sessions_of
from tests.auth.programs import Program
from tests.people import Browser
from tests.tokens.deeds import bearing, me, token_of, tokens_of
from tests.users.saved import change, everything

AT_ONCE = 20


def count(app: Flask, action: str) -> int:
    with app.app_context():
        return len(list(db.session.scalars(select(Event).where(Event.action == action))))


def end_in(app: Flask, **values: Any) -> None:
    with app.app_context():
        db.session.execute(update(Session).values(**values))
        db.session.commit()


def test_a_refresh_token_gives_the_next_pair(app: Flask) -> None:
    program = Program(app, "bob")
    first_access, first = program.access, program.cookie

    answer = program.refresh()

    assert answer.status_code == 200
    assert answer.json.keys() == {"access_token", "token_type"}
    assert program.is_in(answer.json["access_token"])
    assert program.is_in(first_access)
    assert program.cookie not in ("", first)
    assert program.refresh().status_code == 200
    assert len(sessions_of(app, "bob")) == 1


def test_a_used_one_ends_the_whole_family(app: Flask) -> None:
    thief, program = Program(app), Program(app, "bob")
    other = Program(app, "bob")
    stolen = program.cookie
    access = program.refresh().json["access_token"]

    assert thief.refresh(stolen).status_code == 401

    assert not program.is_in(access)
    assert program.refresh().status_code == 401
    assert count(app, "api.reused") == 1
    assert other.is_in()
    assert other.refresh().status_code == 200


def test_of_twenty_at_once_one_wins(app: Flask) -> None:
    cookie = Program(app, "bob").cookie
    programs = [Program(app) for _ in range(AT_ONCE)]
    start, answers = Barrier(AT_ONCE), []

    def run(program: Program) -> None:
        start.wait()
        answers.append(program.refresh(cookie).status_code)

    threads = [Thread(target=run, args=(program,)) for program in programs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == [200] + [401] * (AT_ONCE - 1)
    assert sessions_of(app, "bob") == []  # the others came with a used one
    assert count(app, "api.reused") == 1


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_without_a_cookie_or_from_another_site(app: Flask, site: str) -> None:
    program = Program(app, "bob")
    headers = {"Sec-Fetch-Site": site}

    assert program.refresh(**headers).status_code == 403
    assert program.client.post("/api/v1/logout", headers=headers).status_code == 403
    assert Program(app).refresh().status_code == 401
    assert (
        app.test_client().post("/api/v1/refresh", headers=bearing(program.cookie)).status_code
        == 401
    )
    assert program.refresh(**{"Sec-Fetch-Site": "same-origin"}).status_code == 200


@pytest.mark.parametrize("field", ["idle_until", "ends_at"])
def test_a_sign_in_that_is_over(app: Flask, field: str) -> None:
    program = Program(app, "bob")
    end_in(app, **{field: now()})

    assert not program.is_in()
    assert program.refresh().status_code == 401


def test_use_keeps_it_from_being_idle_but_not_from_its_end(app: Flask) -> None:
    program = Program(app, "bob")
    moment = now()
    end_in(app, seen_at=moment - timedelta(minutes=2), idle_until=moment + timedelta(minutes=1))

    program.refresh()
    [row] = sessions_of(app, "bob")
    assert timedelta(days=6.9) < row.idle_until - now() <= timedelta(days=7)
    end_in(app, ends_at=moment + timedelta(days=1))
    program.refresh()

    [row] = sessions_of(app, "bob")
    assert row.idle_until == row.ends_at


@pytest.mark.parametrize("values", [{"active": False}, {"deleted_at": now()}, {"must_reset": True}])
def test_whoever_is_shut_out_gets_no_more(app: Flask, values: dict[str, Any]) -> None:
    program = Program(app, "bob")

    change(app, "bob", **values)

    assert not program.is_in()
    assert program.refresh().status_code == 401


# Logging out


@pytest.mark.parametrize("presented", ["bearer", "cookie", "both"])
def test_what_was_presented_is_revoked(app: Flask, presented: str) -> None:
    program, other = Program(app, "bob"), Program(app, "bob")
    access, cookie = program.access, program.cookie
    if presented == "bearer":
        program.client.delete_cookie("refresh_token", path="/api/v1")

    answer = program.logout(None if presented == "cookie" else access)

    assert (answer.status_code, answer.json) == (200, {"message": "Logged out successfully"})
    assert "refresh_token=;" in answer.headers["Set-Cookie"]
    assert not program.is_in(access)
    assert program.refresh(cookie).status_code == 401
    assert other.is_in()
    assert count(app, "sign_out") == 1
    assert program.logout(access).status_code == 401


def test_two_sign_ins_are_both_revoked(app: Flask) -> None:
    one, two = Program(app, "bob"), Program(app, "bob")

    assert one.logout(two.access).status_code == 200

    assert not one.is_in()
    assert not two.is_in()


@pytest.mark.parametrize("scope", ["read", "write"])
def test_a_personal_token_is_revoked_too(app: Flask, scope: str) -> None:
    token = token_of(app, "bob", scope)

    assert Program(app).logout(token).status_code == 200

    assert me(app, token).status_code == 401
    assert tokens_of(app, "bob") == []
    assert count(app, "token.revoked") == 1


def test_who_presents_nothing_good_is_told_so(app: Flask, bob: Browser) -> None:
    before = everything(app)

    assert Program(app).logout().status_code == 401
    assert Program(app).logout("a.b.c").status_code == 401
    assert bob.client.post("/api/v1/logout").status_code == 401
    assert everything(app) == before


def test_log_out_survives_a_restart_and_an_empty_redis(
    app: Flask, mode_settings: dict[str, Any]
) -> None:
    program, kept = Program(app, "bob"), Program(app, "bob")
    access, cookie = program.access, program.cookie
    program.logout(access)
    with app.app_context():
        cache.clear()
        limiter.reset()
        queue.huey.storage.flush_all()
        app.extensions["counters"].reset()

    again = create_app(load_settings(**mode_settings))

    assert not Program(again).is_in(access)
    assert Program(again).refresh(cookie).status_code == 401
    assert Program(again).is_in(kept.access)
    assert Program(again).refresh(kept.cookie).status_code == 200
    with again.app_context():
        db.engine.dispose()
