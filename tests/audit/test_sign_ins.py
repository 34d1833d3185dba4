"""Who came in, who tried to, and who left is on record; what they typed as a password is not."""

from flask import Flask
from sqlalchemy import select

from app.audit.models import Event
from app.extensions import db
from app.users import links
from app.users.models import User
from tests.audit.kept import only, told
from tests.auth.coming_in import sign_in
from tests.people import PASSWORD, Browser
from tests.users.saved import change


def test_a_sign_in_says_who_from_where_and_in_which_request(app: Flask, stranger: Browser) -> None:
    form = {"login": "bob", "password": PASSWORD}

    answer = stranger.post(
        "/sign-in", form, environ_base={"REMOTE_ADDR": "10.0.0.2"}, headers={"User-Agent": "Fox"}
    )

    event = only(app)
    assert told(event) == ("Bob Baker", "sign_in", "")
    assert event.detail == "with the password"
    assert (event.address, event.agent) == ("10.0.0.2", "Fox")
    assert event.request_id == answer.headers["X-Request-ID"]


def test_a_wrong_password_is_on_record_by_the_login_as_typed(app: Flask, stranger: Browser) -> None:
    sign_in(stranger, "  BOB ", "wrong horse")

    event = only(app)
    assert told(event) == ("Unknown", "sign_in.failed", "Bob Baker")
    assert event.detail == "BOB"


def test_a_login_of_nobody_is_on_record_too(app: Flask, stranger: Browser) -> None:
    sign_in(stranger, "nobody", "wrong horse")

    event = only(app)
    assert (event.action, event.detail, event.subject_id) == ("sign_in.failed", "nobody", None)


def test_a_deactivated_person_is_on_record_as_refused(app: Flask, stranger: Browser) -> None:
    change(app, "bob", active=False)

    sign_in(stranger)

    assert told(only(app)) == ("Unknown", "sign_in.failed", "Bob Baker")


def test_nobody_forges_an_entry_or_fills_the_trail_by_a_long_login(
    app: Flask, stranger: Browser
) -> None:
    sign_in(stranger, "bob\r\n\x1b[31m14:00 Alice signed in\u2028" + "x" * 5000, "wrong horse")

    detail = only(app).detail
    assert detail.isprintable()
    assert detail.startswith("bob")
    assert len(detail) == 100


def test_no_password_is_ever_kept(app: Flask, stranger: Browser) -> None:
    sign_in(stranger, "bob", "wrong horse")
    sign_in(stranger, "bob", PASSWORD)

    with app.app_context():
        rows = str([tuple(row) for row in db.session.execute(select(Event.__table__))])
        bob = db.session.scalars(User.by_username("bob")).unique().one()
        for secret in ("wrong horse", PASSWORD, str(bob.password_hash)):
            assert secret not in rows


def test_being_told_to_wait_is_on_record_once(app: Flask, clock: object, stranger: Browser) -> None:
    for _ in range(13):
        sign_in(stranger, "bob", "")

    event = only(app)
    assert (event.action, event.detail) == ("sign_in.throttled", "bob")


def test_leaving_is_on_record(app: Flask, bob: Browser) -> None:
    bob.post("/sign-out")

    assert told(only(app)) == ("Bob Baker", "sign_out", "")


def test_signing_somebody_out_everywhere_is_on_record(app: Flask, alice: Browser) -> None:
    alice.post("/users/bob/sign-out")

    assert told(only(app)) == ("Alice Archer", "session.ended_all", "Bob Baker")


def test_using_an_invitation_is_on_record_as_done_by_the_guest(
    app: Flask, stranger: Browser
) -> None:
    change(app, "bob", password_hash=None)
    with app.test_request_context():
        bob = db.session.scalars(User.by_username("bob")).unique().one()
        token = links.invitation(bob)

    stranger.post(f"/welcome/{token}", {"password": "seven green bottles"})

    assert told(only(app)) == ("Bob Baker", "password.set", "")
