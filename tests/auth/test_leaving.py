"""A person deletes their own account: it is said what that means, and it means that."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from flask import Flask

from app.auth.models import Session
from app.database import now
from app.errors import Refused
from app.extensions import db
from app.tokens.models import ApiToken
from app.users import deeds, links
from app.users.models import User
from app.users.one_time import OneTimeToken
from tests.audit.kept import kept
from tests.auth.coming_in import is_in, sessions_of, sign_in
from tests.jobs.deeds import look, start
from tests.mailbox import mails
from tests.people import PASSWORD, Browser
from tests.users.saved import add, everything, saved

LEAVE = "/profile/delete"
LAST = "You are the last superuser. Make another one before you delete your account."


def test_the_page_says_what_it_means(app: Flask, bob: Browser) -> None:
    before = everything(app)

    page = bob.get(LEAVE).text

    for said in (
        "signed out everywhere",
        "bob@example.com",
        "API tokens",
        "An operator can restore",
    ):
        assert said in page
    assert everything(app) == before


def test_bob_leaves(app: Flask, bob: Browser, alice: Browser) -> None:
    elsewhere = Browser(app, "bob")

    answer = bob.post(LEAVE)

    assert (answer.status_code, answer.location) == (303, "/sign-in")
    assert "Your account is deleted." in bob.get("/sign-in").text
    assert saved(app, "bob").state == "deleted"
    assert not is_in(bob)
    assert not is_in(elsewhere)
    assert sessions_of(app, "bob") == []
    assert sign_in(Browser(app)).status_code == 422
    event = kept(app, "account.left")[0]
    assert (event.actor_name, event.subject_name) == ("Bob Baker", "Bob Baker")
    assert [(mail.to, mail.subject) for mail in mails(app)] == [
        ("bob@example.com", "Your account is deleted")
    ]
    assert is_in(alice)


def test_htmx_is_sent_to_sign_in(app: Flask, bob: Browser) -> None:
    answer = bob.htmx_post(LEAVE)

    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/sign-in")
    assert saved(app, "bob").is_deleted


@pytest.fixture
def restored(app: Flask, bob: Browser, alice: Browser) -> str:
    """Bob is back after he left; the mailed link he had before."""
    with app.app_context():
        user = db.session.scalars(User.by_username("bob")).unique().one()
        db.session.add(ApiToken.made(user, "script", "write", now() + timedelta(days=9))[0])
        token = links.issue("confirm", user)
        db.session.commit()
    bob.post(LEAVE)
    alice.post("/users/bob/restore")
    return f"/confirm-email/{token}"


def test_nothing_that_let_him_in_comes_back_with_the_account(
    app: Flask, bob: Browser, stranger: Browser, restored: str
) -> None:
    assert saved(app, "bob").state == "active"
    assert not is_in(bob)
    assert stranger.post(restored).status_code == 404
    with app.app_context():
        for table in (Session, ApiToken, OneTimeToken):
            of_bob = db.select(table).where(table.user_id == saved(app, "bob").id)
            assert db.session.scalar(of_bob) is None
    assert sign_in(stranger).status_code == 303


def test_name_and_address_are_free_for_others(app: Flask, bob: Browser, alice: Browser) -> None:
    bob.post(LEAVE)

    add(app, "bob", "Another Bob")

    assert saved(app, "bob").name == "Another Bob"


def test_tasks_go_on_to_their_end(app: Flask, bob: Browser) -> None:
    job = start(app, "demonstration", "bob", size=1, pause=0)

    bob.post(LEAVE)
    mails(app)

    assert look(app, job).status == "succeeded"


def test_the_last_superuser_stays(app: Flask, alice: Browser) -> None:
    before = everything(app)
    answer = alice.post(LEAVE, headers={"Referer": f"http://localhost{LEAVE}"})

    assert answer.location == LEAVE
    assert LAST in alice.get(LEAVE).text
    assert everything(app) == before
    assert mails(app) == []

    add(app, "dave", is_superuser=True)
    assert alice.post(LEAVE).location == "/sign-in"
    assert saved(app, "alice").is_deleted


def test_of_two_superusers_who_leave_at_once_one_stays(app: Flask) -> None:
    add(app, "dave", is_superuser=True)
    together, refused = Barrier(2), []

    def leave(username: str) -> None:
        with app.app_context():
            user = db.session.scalars(User.by_username(username)).unique().one()
            db.session.commit()
            together.wait()
            try:
                deeds.leave(user)
            except Refused as refusal:
                db.session.rollback()
                refused.append(str(refusal))

    threads = [Thread(target=leave, args=(name,)) for name in ("alice", "dave")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert refused == [LAST]
    assert sum(saved(app, name).is_deleted for name in ("alice", "dave")) == 1


def test_the_password_is_asked_for_first(app: Flask, bob: Browser) -> None:
    with app.app_context():
        db.session.execute(db.update(Session).values(confirmed_at=None))
        db.session.commit()

    assert bob.post(LEAVE).status_code == 403
    assert bob.post(LEAVE, {"confirm_password": "wrong"}).status_code == 422
    assert not saved(app, "bob").is_deleted

    bob.post(LEAVE, {"confirm_password": PASSWORD})
    assert saved(app, "bob").is_deleted


def test_a_stranger_deletes_nobody(app: Flask, stranger: Browser) -> None:
    before = everything(app)

    assert stranger.get(LEAVE).location == "/sign-in?next=/profile/delete"
    assert stranger.post(LEAVE).location == "/sign-in"
    assert everything(app) == before
