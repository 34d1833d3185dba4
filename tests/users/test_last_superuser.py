"""Nobody shuts themselves out, and somebody is always left to run the place."""

from collections.abc import Callable
from threading import Barrier, Thread

import pytest
from flask import Flask

from app.errors import Refused
from app.extensions import db
from app.users import deeds
from app.users.models import User
from tests.people import Browser
from tests.users.saved import add, change, saved

LAST = "Alice Archer is the last superuser. Make another one before you"


@pytest.fixture
def dave(app: Flask) -> Browser:
    """A second superuser."""
    add(app, "dave", "Dave Dean", is_superuser=True)
    return Browser(app, "dave")


@pytest.mark.parametrize("deed", ["deactivate", "delete"])
def test_no_operator_shuts_out_their_own_account(
    app: Flask, alice: Browser, dave: Browser, deed: str
) -> None:
    answer = alice.post(f"/users/alice/{deed}", follow_redirects=True)

    assert f"You cannot {deed} your own account here." in answer.text
    assert saved(app, "alice").state == "active"


def test_htmx_is_told_so_too(app: Flask, alice: Browser) -> None:
    answer = alice.htmx_post("/users/alice/delete")

    assert answer.status_code == 204
    assert "You cannot delete your own account here." in alice.get("/").text
    assert saved(app, "alice").state == "active"


@pytest.mark.parametrize("deed", ["deactivate", "delete"])
def test_one_of_two_superusers_may_go(app: Flask, alice: Browser, dave: Browser, deed: str) -> None:
    alice.post(f"/users/dave/{deed}")

    assert not saved(app, "dave").is_active


def test_a_superuser_who_must_reset_runs_nothing(app: Flask, alice: Browser, dave: Browser) -> None:
    alice.post("/users/dave/require-reset")

    answer = alice.post("/profile/delete", follow_redirects=True)

    assert "You are the last superuser." in answer.text
    assert saved(app, "alice").state == "active"


@pytest.mark.parametrize("deed", [deeds.deactivate, deeds.delete, deeds.require_reset])
def test_the_last_superuser_stays_whoever_asks(app: Flask, deed: Callable[[User], None]) -> None:
    add(app, "off", is_superuser=True, active=False)

    with app.app_context(), pytest.raises(Refused, match=LAST):
        deed(db.session.scalars(User.by_username("alice")).unique().one())

    assert saved(app, "alice").state == "active"


def test_the_command_line_keeps_the_last_superuser(app: Flask, dave: Browser) -> None:
    runner = app.test_cli_runner()

    first = runner.invoke(args=["users", "deactivate", "dave"])
    second = runner.invoke(args=["users", "deactivate", "alice"])

    assert (first.exit_code, second.exit_code) == (0, 1)
    assert f"{LAST} deactivate them." in second.output
    assert saved(app, "alice").state == "active"


@pytest.mark.parametrize("deed", ["deactivate", "delete"])
def test_two_who_shut_each_other_out_at_once_do_not_both_succeed(
    app: Flask, alice: Browser, dave: Browser, deed: str
) -> None:
    assert alice.token
    assert dave.token
    for _ in range(3):
        together = Barrier(2)

        def shut_out(actor: Browser, other: str, together: Barrier = together) -> None:
            together.wait()
            actor.post(f"/users/{other}/{deed}")

        threads = [
            Thread(target=shut_out, args=(alice, "dave")),
            Thread(target=shut_out, args=(dave, "alice")),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        left = [name for name in ("alice", "dave") if saved(app, name).is_active]
        assert left
        if len(left) < 2:
            back(app, ({"alice", "dave"} - set(left)).pop())
            alice, dave = Browser(app, "alice"), Browser(app, "dave")
            assert alice.token
            assert dave.token


def back(app: Flask, username: str) -> None:
    with app.app_context():
        user = db.session.scalars(User.any_by_username(username)).unique().one()
        user.restore()
        user.activate()
        db.session.commit()


def test_a_superuser_is_demoted_by_no_form(app: Flask, alice: Browser, dave: Browser) -> None:
    form = {"name": "Dave", "username": "dave", "email": "dave@example.com", "tier": ""}

    alice.post("/users/dave", {**form, "is_superuser": "", "superuser": "0"})

    assert saved(app, "dave").is_superuser


def test_a_deactivated_superuser_is_not_in_charge(app: Flask, dave: Browser) -> None:
    change(app, "dave", active=False)

    assert dave.get("/users").status_code == 303
