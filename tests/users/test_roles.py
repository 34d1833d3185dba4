"""Operators make and unmake operators, and somebody is always left to run the place."""

from threading import Barrier, Thread

import pytest
from flask import Flask

from tests.audit.kept import kept, told
from tests.auth.coming_in import is_in, let_pass, sessions_of
from tests.people import Browser, undo_of
from tests.users.saved import add, change, everything, saved

LAST = "Alice Archer is the last superuser. Make another one before you demote them."


@pytest.fixture
def dave(app: Flask) -> Browser:
    """A second superuser."""
    add(app, "dave", "Dave Dean", is_superuser=True)
    return Browser(app, "dave")


def test_somebody_becomes_an_operator_and_starts_anew(
    app: Flask, alice: Browser, bob: Browser
) -> None:
    answer = alice.post("/users/bob/promote")

    assert (answer.status_code, answer.location) == (303, "/users/bob")
    assert saved(app, "bob").is_superuser
    assert sessions_of(app, "bob") == []
    assert not is_in(bob)
    assert is_in(alice)
    [entry] = kept(app, "role.promoted")
    assert told(entry) == ("Alice Archer", "role.promoted", "Bob Baker")
    assert entry.changes == {"operator": ["no", "yes"]}
    assert Browser(app, "bob").get("/users").status_code == 200


def test_the_role_is_taken_and_what_was_open_opens_nothing(
    app: Flask, alice: Browser, dave: Browser
) -> None:
    answer = alice.htmx_post("/users/dave/demote")

    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/users/dave")
    assert not saved(app, "dave").is_superuser
    assert not is_in(dave)
    [entry] = kept(app, "role.demoted")
    assert told(entry) == ("Alice Archer", "role.demoted", "Dave Dean")
    assert entry.changes == {"operator": ["yes", "no"]}
    assert Browser(app, "dave").get("/users").status_code == 403


def test_undo_takes_it_back_both_ways(app: Flask, alice: Browser) -> None:
    page = alice.post("/users/bob/promote", follow_redirects=True).text
    assert "Bob Baker is an operator" in page
    page = alice.post(*undo_of(page), follow_redirects=True).text
    assert not saved(app, "bob").is_superuser

    assert "Bob Baker is no operator any more" in page
    alice.post(*undo_of(page))
    assert saved(app, "bob").is_superuser


@pytest.mark.parametrize("deed", ["promote", "demote"])
def test_twice_is_once_on_record(app: Flask, alice: Browser, deed: str) -> None:
    change(app, "carol", is_superuser=deed == "demote")

    assert [alice.post(f"/users/carol/{deed}").status_code for _ in range(2)] == [303, 303]

    assert len(kept(app, f"role.{deed}d")) == 1


def test_nobody_takes_the_role_from_themselves(app: Flask, alice: Browser, dave: Browser) -> None:
    answer = alice.post("/users/alice/demote", follow_redirects=True)

    assert "You cannot demote your own account here." in answer.text
    assert saved(app, "alice").is_superuser


@pytest.mark.parametrize(("password_hash", "active"), [(None, True), ("kept", False)])
def test_only_who_can_sign_in_becomes_an_operator(
    app: Flask, alice: Browser, password_hash: str | None, active: bool
) -> None:
    add(app, "erin", "Erin East", password_hash=password_hash, active=active)

    answer = alice.post("/users/erin/promote", follow_redirects=True)

    assert "Erin East cannot sign in yet, so they cannot become an operator." in answer.text
    assert not saved(app, "erin").is_superuser
    assert kept(app, "role.promoted") == []


@pytest.mark.parametrize("deed", ["promote", "demote", "delete", "deactivate", "activate"])
def test_others_are_refused_and_a_stale_confirmation_is_asked_again(
    app: Flask, alice: Browser, mallory: Browser, stranger: Browser, deed: str
) -> None:
    let_pass(app, 10, "alice")
    before = everything(app)

    assert mallory.post(f"/users/mallory/{deed}").status_code == 403
    assert stranger.post(f"/users/bob/{deed}").status_code == 303
    assert alice.post(f"/users/bob/{deed}").status_code == 403

    assert everything(app) == before


def test_the_command_line_keeps_the_same_rules(app: Flask, bob: Browser) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        result = app.test_cli_runner().invoke(args=["users", *arguments])
        return result.exit_code, result.output

    assert run("demote", "alice") == (1, f"Error: {LAST}\n")
    assert run("promote", "bob") == (0, "bob is an operator\n")
    assert not is_in(bob)
    assert run("demote", "alice") == (0, "alice is no operator\n")
    assert run("demote", "bob")[0] == 1
    assert run("promote", "nobody") == (1, "Error: There is no user named 'nobody'.\n")
    assert (saved(app, "alice").is_superuser, saved(app, "bob").is_superuser) == (False, True)
    assert told(kept(app)[0]) == ("System", "role.promoted", "Bob Baker")


@pytest.mark.parametrize("deed", ["demote", "deactivate", "delete"])
def test_two_who_unmake_each_other_at_once_do_not_both_succeed(
    app: Flask, alice: Browser, dave: Browser, deed: str
) -> None:
    together = Barrier(2)

    def unmake(actor: Browser, path: str) -> None:
        together.wait()
        actor.post(path)

    threads = [
        Thread(target=unmake, args=(alice, "/users/dave/demote")),
        Thread(target=unmake, args=(dave, f"/users/alice/{deed}")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    people = [saved(app, name) for name in ("alice", "dave")]
    assert sum(user.is_superuser and user.is_active for user in people) == 1


def test_the_page_offers_what_can_be_done(app: Flask, alice: Browser, dave: Browser) -> None:
    bobs, daves = alice.get("/users/bob").text, alice.get("/users/dave").text
    own = alice.get("/users/alice").text

    assert ("Make operator" in bobs, "Take operator role" in bobs) == (True, False)
    assert ("Make operator" in daves, "Take operator role" in daves) == (False, True)
    assert "operator role" not in own
