"""Operators require a reset, or take away second factors that are lost; they set no password."""

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.extensions import db
from app.factors.models import AuthenticatorApp, Passkey, RecoveryCode
from app.jobs.engine import run
from app.jobs.models import Job
from app.mail.models import Mail
from app.users import links
from app.users.models import User
from tests.audit.kept import kept, told
from tests.auth.coming_in import is_in, let_pass, sessions_of
from tests.people import PASSWORD, Browser
from tests.users.saved import add, change, everything, saved


def mails(app: Flask) -> list[Mail]:
    """What was sent, once the worker has done all that was asked for."""
    with app.app_context():
        for identifier in db.session.scalars(select(Job.id).where(Job.status == "queued")).all():
            run(identifier)
        found = list(db.session.scalars(select(Mail).order_by(Mail.id)))
        db.session.expunge_all()
        return found


def test_a_reset_signs_out_and_mails_a_link_that_fits(
    app: Flask, alice: Browser, bob: Browser
) -> None:
    answer = alice.post("/users/bob/require-reset")

    assert (answer.status_code, answer.location) == (303, "/users/bob")
    user = saved(app, "bob")
    assert user.must_reset
    assert user.has_password(PASSWORD)  # it is not changed by anybody else
    assert sessions_of(app, "bob") == []
    assert not is_in(bob)
    [entry] = kept(app, "role.reset_required")
    assert told(entry) == ("Alice Archer", "role.reset_required", "Bob Baker")
    page = alice.get("/users/bob").text
    assert "Bob Baker must choose a new password" in page
    assert '<span class="tag tag-warn">Must choose a new password</span>' in page
    [mail] = mails(app)
    assert mail.to == "bob@example.com"
    token = mail.text.split("/reset/")[1].split()[0]
    with app.app_context():
        found = links.find("reset", token)
        assert found is not None
        assert found.user is not None
        assert found.user.username == "bob"


def test_what_was_half_way_in_stays_outside(app: Flask, alice: Browser, bob: Browser) -> None:
    """A sign-in that waits for its second step, and one that ends at the same moment."""
    with app.app_context():
        user = db.session.scalars(User.by_username("bob")).unique().one()
        token = links.issue("factor", user)
        db.session.commit()

    alice.post("/users/bob/require-reset")
    late = Browser(app, "bob")

    with app.app_context():
        assert links.find("factor", token) is None
    assert not is_in(late)


def test_a_link_mailed_again_works(app: Flask, alice: Browser) -> None:
    for _ in range(2):
        assert alice.post("/users/bob/require-reset").status_code == 303

    assert len(mails(app)) == 2
    assert "Mail the link again" in alice.htmx_get("/users/bob/sessions").text


def test_whoever_cannot_sign_in_needs_no_reset(app: Flask, alice: Browser) -> None:
    add(app, "erin", "Erin East", password_hash=None)
    change(app, "carol", active=False)
    before = everything(app)

    for username, name in (("erin", "Erin East"), ("carol", "Carol Cooper")):
        page = alice.post(f"/users/{username}/require-reset", follow_redirects=True).text
        assert f"{name} cannot sign in, so there is no password to reset." in page
    own = alice.post("/users/alice/require-reset", follow_redirects=True).text
    assert "Change your own password on the Security page." in own

    assert everything(app) == before


def test_without_mail_nobody_is_shut_out_by_a_reset(
    app: Flask, alice: Browser, without_mail: None
) -> None:
    before = everything(app)

    page = alice.htmx_post("/users/bob/require-reset")
    result = app.test_cli_runner().invoke(args=["users", "require-reset", "bob"])

    assert page.status_code == 204
    assert "This site sends no mail, so nobody could get back in." in alice.get("/").text
    assert result.exit_code == 1
    assert "Set SMTP_HOST first" in result.output
    assert everything(app) == before


def test_the_command_line_requires_a_reset(app: Flask, bob: Browser) -> None:
    result = app.test_cli_runner().invoke(args=["users", "require-reset", "bob"])

    assert result.exit_code == 0
    assert saved(app, "bob").must_reset
    assert not is_in(bob)
    assert kept(app)[0].actor_name == "System"


def give_factors(app: Flask, username: str) -> None:
    user = saved(app, username)
    with app.app_context():
        key = {"credential_id": username, "public_key": b"key", "name": "Phone"}
        db.session.add(Passkey(user_id=user.id, **key))
        db.session.add(AuthenticatorApp(user_id=user.id, secret="sealed"))
        db.session.add(RecoveryCode(user_id=user.id, selector="abcd", code_hash="x"))
        db.session.commit()


def factors(app: Flask, username: str) -> list[int]:
    user = saved(app, username)
    with app.app_context():
        kinds = (Passkey, AuthenticatorApp, RecoveryCode)
        counted = [select(func.count()).where(kind.user_id == user.id) for kind in kinds]
        return [db.session.scalar(query) or 0 for query in counted]


def test_a_command_removes_lost_factors_where_nobody_can_sign_in(app: Flask) -> None:
    give_factors(app, "alice")
    command = ["remove-factors", "alice"]

    done, again = (app.test_cli_runner().invoke(args=command) for _ in range(2))
    unknown = app.test_cli_runner().invoke(args=["remove-factors", "nobody"])

    assert (done.exit_code, factors(app, "alice")) == (0, [0, 0, 0])
    assert "the password alone lets in now" in done.output
    assert (again.exit_code, "Alice Archer has no second factor." in again.output) == (1, True)
    assert (unknown.exit_code, "There is no user named 'nobody'." in unknown.output) == (1, True)
    assert told(kept(app)[-1]) == ("System", "factor.removed_by_operator", "Alice Archer")


def test_lost_factors_are_removed_and_the_person_is_told(
    app: Flask, alice: Browser, bob: Browser
) -> None:
    give_factors(app, "bob")
    give_factors(app, "carol")
    assert "Passkey, authenticator app" in alice.htmx_get("/users/bob/sessions").text

    answer = alice.post("/users/bob/remove-factors")

    assert (answer.status_code, answer.location) == (303, "/users/bob")
    assert (factors(app, "bob"), factors(app, "carol")) == ([0, 0, 0], [1, 1, 1])
    assert not is_in(bob)
    [entry] = kept(app, "factor.removed_by_operator")
    assert told(entry) == ("Alice Archer", "factor.removed_by_operator", "Bob Baker")
    assert entry.detail == "passkey, authenticator app"
    [mail] = mails(app)
    assert (mail.to, mail.subject) == ("bob@example.com", "Your second factors were removed")
    part = alice.htmx_get("/users/bob/sessions").text
    assert "None." in part
    assert "Remove second factors" not in part


def test_ones_own_and_none_are_refused(app: Flask, alice: Browser) -> None:
    give_factors(app, "alice")

    own = alice.post("/users/alice/remove-factors", follow_redirects=True).text
    none = alice.post("/users/bob/remove-factors", follow_redirects=True).text

    assert "Remove your own second factors on the Security page." in own
    assert "Bob Baker has no second factor." in none
    assert factors(app, "alice") == [1, 1, 1]
    assert kept(app, "factor.removed_by_operator") == []


@pytest.mark.parametrize("deed", ["require-reset", "remove-factors"])
def test_only_operators_who_confirmed_do_it(
    app: Flask, alice: Browser, mallory: Browser, stranger: Browser, deed: str
) -> None:
    give_factors(app, "bob")
    let_pass(app, 10, "alice")
    before = everything(app)

    answers = [who.post(f"/users/bob/{deed}") for who in (mallory, stranger, alice)]

    assert [answer.status_code for answer in answers] == [403, 303, 403]
    assert 'name="confirm_password"' in answers[2].text
    assert everything(app) == before


@pytest.mark.parametrize("task", ["mail_reset", "mail_factors_removed"])
def test_nobody_starts_such_a_mail_by_hand(app: Flask, alice: Browser, task: str) -> None:
    assert f'value="{task}"' not in alice.get("/").text
    assert alice.post("/tasks", {"task": task, "name": "Mine"}).status_code == 422
    assert mails(app) == []
