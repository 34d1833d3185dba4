"""An operator moves a person to another tier."""

import pytest
from flask import Flask

from app.extensions import db
from app.users.models import User
from tests.people import Browser, undo_of


def tier_of(app: Flask, username: str) -> str | None:
    with app.app_context():
        user = db.session.scalars(User.by_username(username)).unique().one()
        return user.tier.name if user.tier else None


def test_admin_moves_a_user_to_another_tier(app: Flask, alice: Browser) -> None:
    answer = alice.post("/users/bob/tier", {"tier": "pro"})

    assert answer.status_code == 303
    assert answer.location == "/users/bob"
    assert tier_of(app, "bob") == "pro"


def test_htmx_gets_the_tier_and_the_quotas_that_follow(app: Flask, alice: Browser) -> None:
    answer = alice.htmx_post("/users/bob/tier", {"tier": "pro"})

    assert answer.status_code == 200
    assert 'id="tier-panel"' in answer.text
    assert "10</span> used" not in answer.text
    assert "of 10 used" in answer.text
    assert "Bob Baker moved to Pro" in answer.text
    assert "<html" not in answer.text


def test_undo_brings_the_tier_back(app: Flask, alice: Browser) -> None:
    address, fields = undo_of(alice.htmx_post("/users/bob/tier", {"tier": "pro"}).text)

    alice.post(address, fields)

    assert tier_of(app, "bob") == "free"


def test_undo_comes_too_late_once_it_changed_again(app: Flask, alice: Browser) -> None:
    address, fields = undo_of(alice.htmx_post("/users/bob/tier", {"tier": "pro"}).text)
    alice.post("/users/bob/tier", {"tier": ""})

    answer = alice.post(address, fields, follow_redirects=True)

    assert "This changed again since. Open Bob Baker to edit." in answer.text
    assert tier_of(app, "bob") is None


def test_unknown_tier_is_refused(app: Flask, alice: Browser) -> None:
    answer = alice.post("/users/bob/tier", {"tier": "gold"})

    assert answer.status_code == 422
    assert tier_of(app, "bob") == "free"


def test_users_cannot_change_their_own_tier(app: Flask, mallory: Browser) -> None:
    answer = mallory.post("/users/mallory/tier", {"tier": "pro"})

    assert answer.status_code == 403
    assert tier_of(app, "mallory") == "free"


def test_a_stranger_is_asked_to_sign_in(app: Flask, stranger: Browser) -> None:
    answer = stranger.post("/users/bob/tier", {"tier": "pro"})

    assert answer.status_code == 303
    assert answer.location == "/sign-in"
    assert tier_of(app, "bob") == "free"


def test_a_user_who_is_not_there_is_a_404(alice: Browser) -> None:
    assert alice.post("/users/nobody/tier", {"tier": "pro"}).status_code == 404


@pytest.mark.parametrize("header", [{}, {"HX-Request": "true"}])
def test_without_a_token_nothing_changes(
    app: Flask, alice: Browser, header: dict[str, str]
) -> None:
    answer = alice.client.post("/users/bob/tier", data={"tier": "pro"}, headers=header)

    assert answer.status_code == 400
    assert tier_of(app, "bob") == "free"
