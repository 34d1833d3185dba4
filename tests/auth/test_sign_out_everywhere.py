"""An operator signs a person out of every browser."""

from flask import Flask

from tests.auth.coming_in import is_in, sessions_of
from tests.people import Browser


def test_every_browser_of_bob_is_signed_out(app: Flask, alice: Browser, bob: Browser) -> None:
    phone = Browser(app, "bob")

    answer = alice.post("/users/bob/sign-out")

    assert (answer.status_code, answer.location) == (303, "/users/bob")
    assert sessions_of(app, "bob") == []
    assert not is_in(bob)
    assert not is_in(phone)
    assert "Bob Baker is signed out everywhere" in alice.get("/users/bob").text


def test_others_stay_signed_in(alice: Browser, carol: Browser) -> None:
    alice.post("/users/bob/sign-out")

    assert is_in(alice)
    assert is_in(carol)


def test_an_operator_signs_out_everywhere_too(app: Flask, alice: Browser) -> None:
    phone = Browser(app, "alice")

    alice.post("/users/alice/sign-out")

    assert not is_in(alice)
    assert not is_in(phone)


def test_htmx_is_sent_to_the_page_again(alice: Browser, bob: Browser) -> None:
    answer = alice.htmx_post("/users/bob/sign-out")

    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"] == "/users/bob"
    assert not is_in(bob)


def test_users_cannot_sign_each_other_out(mallory: Browser, bob: Browser) -> None:
    assert mallory.post("/users/bob/sign-out").status_code == 403
    assert is_in(bob)


def test_a_stranger_cannot_sign_anybody_out(stranger: Browser, bob: Browser) -> None:
    assert stranger.post("/users/bob/sign-out").location == "/sign-in"
    assert is_in(bob)


def test_a_user_who_is_not_there_is_a_404(alice: Browser) -> None:
    assert alice.post("/users/nobody/sign-out").status_code == 404
