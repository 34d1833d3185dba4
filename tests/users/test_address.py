"""An account holder proves their address, and moves to another, by links that are mailed."""

import re

import pytest
from flask import Flask

from app.auth.models import Session
from app.counters import Window
from app.database import now
from app.envelope import path_to_log
from app.extensions import counters, db
from app.jobs.models import Job
from app.users.one_time import OneTimeToken
from tests.audit.kept import kept
from tests.auth.coming_in import is_in
from tests.mailbox import link_in, mails
from tests.people import PASSWORD, Browser
from tests.users.saved import add, change, everything, saved

NEW = {"new_email": "bobby@example.com"}
SAME_WORDS = "If this address is free, a link is on its way to it."
GONE = "This link was used already, or it is too old."


def ask(browser: Browser, email: str = "bobby@example.com") -> str:
    answer = browser.post("/profile/email", {"new_email": email}, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    return answer.text


def addressed(app: Flask, to: str) -> str:
    """The link of the one mail to that address."""
    found = [mail for mail in mails(app) if mail.to == to]
    assert len(found) == 1
    return link_in(found[0])


@pytest.fixture
def link(app: Flask, bob: Browser) -> str:
    """The link by which Bob becomes bobby@example.com."""
    ask(bob)
    return addressed(app, "bobby@example.com")


def test_a_new_address_counts_once_its_link_is_used(
    app: Flask, bob: Browser, stranger: Browser
) -> None:
    assert SAME_WORDS in ask(bob)
    assert saved(app, "bob").email == "bob@example.com"
    to_new, to_old = sorted(mails(app), key=lambda mail: mail.to, reverse=True)
    assert (to_new.to, to_old.to) == ("bobby@example.com", "bob@example.com")
    assert "b***@example.com" in to_old.text
    assert "bobby" not in to_old.text
    assert "Bob Baker" not in to_new.text

    seen = stranger.get(link_in(to_new))
    answer = stranger.post(link_in(to_new))

    assert "bobby@example.com" in seen.text
    assert (answer.status_code, answer.location) == (303, "/sign-in")
    user = saved(app, "bob")
    assert user.email == "bobby@example.com"
    assert user.email_confirmed_at is not None
    assert [event.action for event in kept(app)] == ["email.asked", "email.changed"]
    changed = kept(app, "email.changed")[0]
    assert changed.changes == {"email": ["bob@example.com", "bobby@example.com"]}
    assert (changed.actor_id, changed.subject_id) == (user.id, user.id)
    told = mails(app)[-1]
    assert (told.to, told.subject) == ("bob@example.com", "Your email address was changed")


def test_the_link_signs_nobody_in_and_leads_its_owner_to_the_profile(
    app: Flask, bob: Browser, stranger: Browser, link: str
) -> None:
    assert bob.post(link).location == "/profile"
    assert "Your address is now bobby@example.com" in bob.get("/profile").text

    ask(bob, "robert@example.com")
    stranger.post(addressed(app, "robert@example.com"))

    assert not is_in(stranger)


def test_somebody_else_who_opens_it_stays_who_they_are(
    app: Flask, carol: Browser, link: str
) -> None:
    carol.post(link)

    assert saved(app, "bob").email == "bobby@example.com"
    assert saved(app, "carol").email == "carol@example.com"
    assert kept(app, "email.changed")[0].actor_name == "Bob Baker"
    assert "Carol Cooper" in carol.get("/").text


def test_looking_changes_nothing_and_a_link_works_once(
    app: Flask, stranger: Browser, link: str
) -> None:
    before = everything(app)
    assert [stranger.get(link).status_code for _ in range(2)] == [200, 200]
    assert everything(app) == before

    stranger.post(link)
    change(app, "bob", email="bob@example.com", email_confirmed_at=None)

    assert stranger.get(link).status_code == 404
    assert GONE in stranger.post(link).text
    assert saved(app, "bob").email == "bob@example.com"


def test_a_link_ends_with_what_it_was_asked_for(app: Flask, stranger: Browser, link: str) -> None:
    change(app, "bob", email="other@example.com")
    assert stranger.post(link).status_code == 404

    change(app, "bob", email="bob@example.com", deleted_at=now())
    assert stranger.post(link).status_code == 404
    assert stranger.post(link.replace("change", "confirm")).status_code == 404
    assert stranger.post(link[:-1] + "!").status_code == 404


def test_no_token_is_stored_and_an_hour_is_all_it_has(
    app: Flask, stranger: Browser, link: str
) -> None:
    token = link.rpartition("/")[2]
    with app.app_context():
        row = db.session.scalars(db.select(OneTimeToken)).one()
        arguments = [*db.session.scalars(db.select(Job.arguments))]
        assert 3500 < (row.expires_at - now()).total_seconds() <= 3600
        assert token not in repr([vars(row), arguments])
        row.expires_at = now()
        db.session.commit()

    assert stranger.post(link).status_code == 404


def test_nobody_learns_whose_an_address_is(app: Flask, mallory: Browser) -> None:
    taken, free = ask(mallory, "carol@example.com"), ask(mallory, "nobody@example.com")

    without_token = [re.sub(r'(content|value)="[^"]*"', "", text) for text in (taken, free)]
    assert without_token[0] == without_token[1]
    assert SAME_WORDS in taken
    subjects = {mail.to: mail.subject for mail in mails(app)}
    assert subjects["carol@example.com"] == "Somebody tried to use your email address"
    assert subjects["nobody@example.com"] == "Confirm your new email address"
    to_carol = next(mail for mail in mails(app) if mail.to == "carol@example.com")
    assert "mallory" not in to_carol.text.lower()
    assert "http" not in to_carol.text
    assert saved(app, "carol").email == "carol@example.com"


def test_an_address_that_was_taken_meanwhile_is_said_so(
    app: Flask, stranger: Browser, link: str
) -> None:
    add(app, "bobby")
    before = everything(app)

    answer = stranger.post(link)

    assert answer.status_code == 409
    assert "Another account has this address by now. Nothing was changed." in answer.text
    assert everything(app) == before


def test_the_password_is_asked_for_and_what_was_typed_is_kept(app: Flask, bob: Browser) -> None:
    with app.app_context():
        db.session.execute(db.update(Session).values(confirmed_at=None))
        db.session.commit()

    asked = bob.post("/profile/email", NEW)
    assert asked.status_code == 403
    assert "bobby@example.com" in asked.text
    assert mails(app) == []

    bob.post("/profile/email", {**NEW, "confirm_password": PASSWORD})
    assert len(mails(app)) == 2


@pytest.mark.parametrize(
    ("email", "sentence"),
    [
        ("bob", "Enter an email address like name@example.com"),
        ("BOB@example.com", "This is your address already"),
    ],
)
def test_wrong_addresses_are_refused(app: Flask, bob: Browser, email: str, sentence: str) -> None:
    page = bob.post("/profile/email", {"new_email": email})
    part = bob.htmx_post("/profile/email", {"new_email": email})

    assert (page.status_code, part.status_code) == (422, 422)
    assert sentence in page.text
    assert sentence in part.text
    assert len(re.findall(r"\bautofocus\b", part.text)) == 1
    assert mails(app) == []


def test_too_many_links_are_refused_to_one_person_only(
    app: Flask, bob: Browser, carol: Browser
) -> None:
    for number in range(5):
        ask(bob, f"bob{number}@example.com")

    answer = bob.post("/profile/email", NEW)
    other_door = bob.htmx_post("/profile/confirm-email")

    assert (answer.status_code, other_door.status_code) == (429, 429)
    assert 1 <= int(answer.headers["Retry-After"]) <= 3600
    assert "bobby@example.com" in answer.text
    assert SAME_WORDS in ask(carol, "caro@example.com")
    assert "bobby@example.com" not in [mail.to for mail in mails(app)]


def test_many_people_together_do_not_flood_one_address(app: Flask) -> None:
    for name in ("bob", "carol", "mallory"):
        for _ in range(2):
            ask(Browser(app, name))

    assert len([mail for mail in mails(app) if mail.to == "bobby@example.com"]) == 5


def test_one_network_cannot_send_without_end(app: Flask, bob: Browser, carol: Browser) -> None:
    with app.app_context():
        window = Window.at(counters.now(), 3600)
        for _ in range(19):
            counters.take("links-from/127.0.0.1", window, 20)

    ask(carol, "caro@example.com")

    assert bob.post("/profile/email", NEW).status_code == 429
    elsewhere = {"REMOTE_ADDR": "198.51.100.7"}
    assert bob.post("/profile/email", NEW, environ_base=elsewhere).status_code == 303


def test_the_present_address_is_confirmed_by_a_link(
    app: Flask, bob: Browser, stranger: Browser
) -> None:
    assert "Not confirmed" in bob.get("/profile").text
    bob.post("/profile/confirm-email")
    bob.htmx_post("/profile/confirm-email")
    first, second = (link_in(mail) for mail in mails(app))
    before = everything(app)
    assert "bob@example.com" in stranger.get(first).text
    assert everything(app) == before

    assert stranger.post(first).location == "/sign-in"

    assert saved(app, "bob").email_confirmed_at is not None
    event = kept(app, "email.confirmed")[0]
    assert (event.actor_name, event.detail) == ("Bob Baker", "bob@example.com")
    assert not is_in(stranger)
    assert stranger.post(first).status_code == 404
    page = bob.get("/profile").text
    assert "Not confirmed" not in page
    assert "Send the confirmation link" not in page
    assert bob.post(second).location == "/profile"


def test_a_confirmation_ends_with_the_address_it_went_to(
    app: Flask, bob: Browser, stranger: Browser
) -> None:
    bob.post("/profile/confirm-email")
    link = link_in(mails(app)[0])
    change(app, "bob", email="other@example.com")

    assert stranger.post(link).status_code == 404
    assert saved(app, "bob").email_confirmed_at is None


def test_the_log_never_holds_a_token(app: Flask) -> None:
    for door in ("/welcome/", "/confirm-email/", "/change-email/", "/Change-Email/"):
        with app.test_request_context(f"{door}secret"):
            assert path_to_log() == f"{door.lower()}hidden"
    with app.test_request_context("/profile"):
        assert path_to_log() == "/profile"


def test_an_address_that_an_operator_writes_is_not_confirmed_and_the_old_one_is_told(
    app: Flask, alice: Browser
) -> None:
    change(app, "bob", email_confirmed_at=now())
    form = {"name": "Bob Baker", "username": "bob", "email": "bob@example.com", "tier": "free"}
    alice.post("/users/bob", {**form, "name": "Bob Brown"})
    assert saved(app, "bob").email_confirmed_at is not None
    assert mails(app) == []

    alice.post("/users/bob", {**form, "email": "carol@example.com"})
    assert mails(app) == []
    alice.post("/users/bob", {**form, "email": "robert@example.com"})

    assert saved(app, "bob").email_confirmed_at is None
    assert [mail.to for mail in mails(app)] == ["bob@example.com"]
    assert "r***@example.com" in mails(app)[0].text


def test_an_invitation_is_mailed_and_confirms_the_address(
    app: Flask, alice: Browser, stranger: Browser
) -> None:
    form = {"name": "Dora Dale", "username": "dora", "email": "dora@example.com", "tier": "free"}
    page = alice.post("/users/new-user", form, follow_redirects=True).text
    mail = mails(app)[0]
    assert "A link to choose one was mailed to dora@example.com" in page
    assert mail.to == "dora@example.com"

    stranger.post(link_in(mail), {"password": "seven green bottles"})

    dora = saved(app, "dora")
    assert dora.has_password("seven green bottles")
    assert dora.email_confirmed_at is not None
    assert kept(app, "email.confirmed")[0].actor_name == "Dora Dale"
    assert stranger.get(link_in(mail)).status_code == 404


def test_whoever_invites_never_sees_the_link_that_is_mailed(app: Flask, alice: Browser) -> None:
    form = {"name": "Dora Dale", "username": "dora", "email": "dora@example.com", "tier": "free"}

    page = alice.post("/users/new-user", form, follow_redirects=True).text
    again = alice.post("/users/dora/invite", follow_redirects=True).text

    assert "/welcome/" not in page + again
    assert "Another link is on its way to dora@example.com" in again
    assert [mail.to for mail in mails(app)] == ["dora@example.com"] * 2


def test_nobody_is_invited_who_has_a_password_nor_all_the_time(app: Flask, alice: Browser) -> None:
    add(app, "dora", password_hash=None)
    assert (
        "Bob Baker cannot be invited by mail."
        in alice.post("/users/bob/invite", follow_redirects=True).text
    )
    assert [alice.post("/users/dora/invite").status_code for _ in range(6)] == [303] * 5 + [429]


def test_a_link_handed_over_proves_no_mailbox(
    app: Flask, alice: Browser, stranger: Browser, without_mail: None
) -> None:
    form = {"name": "Dora Dale", "username": "dora", "email": "dora@example.com", "tier": "free"}
    page = alice.post("/users/new-user", form, follow_redirects=True).text
    shown = re.search(r"/welcome/[\w.-]+", page)
    assert shown

    stranger.post(shown.group(), {"password": "seven green bottles"})

    assert saved(app, "dora").has_password("seven green bottles")
    assert saved(app, "dora").email_confirmed_at is None
