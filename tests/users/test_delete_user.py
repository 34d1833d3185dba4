"""An operator takes a person out of sight, at once and with Undo, and brings them back."""

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.database import now
from app.extensions import db
from app.users.models import User
from tests.auth.coming_in import let_pass
from tests.people import Browser, undo_of
from tests.users.saved import add, change, saved


def living(app: Flask, username: str) -> int:
    """How many living people have that name."""
    with app.app_context():
        query = select(func.count()).select_from(User.by_username(username).subquery())
        return db.session.scalar(query) or 0


def test_alice_deletes_bob(app: Flask, alice: Browser, bob: Browser) -> None:
    answer = alice.post("/users/bob/delete")

    assert (answer.status_code, answer.location) == (303, "/users")
    assert saved(app, "bob").is_deleted
    assert bob.get("/").status_code == 303
    assert ">@bob<" not in alice.get("/users").text
    assert ">@bob<" in alice.get("/users?state=deleted").text


def test_nothing_is_deleted_by_looking(app: Flask, alice: Browser) -> None:
    assert alice.get("/users/bob/delete").status_code == 405
    assert not saved(app, "bob").is_deleted


def test_htmx_is_sent_to_the_list(app: Flask, alice: Browser) -> None:
    answer = alice.htmx_post("/users/bob/delete")

    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/users")
    assert saved(app, "bob").is_deleted


@pytest.mark.parametrize(
    ("back", "place"), [("/users?q=b", "/users?q=b"), ("//evil.example", "/users")]
)
def test_the_way_leads_back_to_a_page_of_this_site(alice: Browser, back: str, place: str) -> None:
    assert alice.post("/users/bob/delete", {"back": back}).location == place


def test_undo_brings_bob_back(app: Flask, alice: Browser) -> None:
    before = saved(app, "bob")
    page = alice.post("/users/bob/delete", follow_redirects=True).text
    address, fields = undo_of(page)

    answer = alice.post(address, fields, follow_redirects=True)

    bob = saved(app, "bob")
    assert "Bob Baker deleted" in page
    assert "Bob Baker restored" in answer.text
    assert (bob.id, bob.state, bob.tier_id) == (before.id, "active", before.tier_id)


def test_the_deleted_view_restores(app: Flask, alice: Browser) -> None:
    gone = add(app, "gone", deleted_at=now())
    there = "/users?state=deleted"

    answer = alice.post(
        "/users/gone/restore",
        {"uuid": str(gone.uuid)},
        headers={"Referer": f"http://localhost{there}"},
    )

    assert (answer.status_code, answer.location) == (303, there)
    assert saved(app, "gone").state == "active"


def test_restoring_twice_is_as_good_as_once(app: Flask, alice: Browser) -> None:
    gone = add(app, "gone", deleted_at=now())

    for _ in range(2):
        assert alice.post("/users/gone/restore", {"uuid": str(gone.uuid)}).status_code == 303
    assert living(app, "gone") == 1


def test_of_several_with_the_same_name_the_one_meant_is_restored(
    app: Flask, alice: Browser
) -> None:
    first = add(app, "gone", "First", deleted_at=now(), email="first@example.com")
    add(app, "gone", "Second", deleted_at=now(), email="second@example.com")

    alice.post("/users/gone/restore", {"uuid": str(first.uuid)})

    assert saved(app, "gone").name == "First"


def test_without_an_id_the_one_deleted_last_is_restored(app: Flask, alice: Browser) -> None:
    add(app, "gone", "First", deleted_at=now(), email="first@example.com")
    add(app, "gone", "Second", deleted_at=now(), email="second@example.com")

    for identifier in ({}, {"uuid": "nonsense"}):
        alice.post("/users/gone/restore", identifier)

    assert saved(app, "gone").name == "Second"


def test_a_name_is_unique_among_the_living_only(app: Flask, alice: Browser) -> None:
    alice.post("/users/bob/delete")
    form = {"name": "New Bob", "username": "bob", "email": "bob@example.com", "tier": ""}

    assert alice.post("/users/new-user", form).status_code == 303
    assert saved(app, "bob").name == "New Bob"
    assert alice.post("/users/bob/delete").status_code == 303
    assert alice.post("/users/new-user", form).status_code == 303


@pytest.mark.parametrize(
    ("username", "email", "sentence"),
    [
        ("bob", "new@example.com", "somebody else is bob by now."),
        ("new", "bob@example.com", "somebody else has the same email address by now."),
    ],
)
def test_nobody_comes_back_in_the_place_of_somebody_else(
    app: Flask, alice: Browser, username: str, email: str, sentence: str
) -> None:
    bob = saved(app, "bob")
    change(app, "bob", deleted_at=now())
    add(app, username, "New Person", email=email)

    answer = alice.post("/users/bob/restore", {"uuid": str(bob.uuid)})

    page = alice.get(answer.location).text
    assert answer.status_code == 303
    assert f"Bob Baker cannot be restored: {sentence}" in page
    assert "Rename or delete that account first." in page
    assert "data-sticky" in page
    assert living(app, "bob") == (1 if username == "bob" else 0)
    assert saved(app, username).name == "New Person"


def test_somebody_elses_id_restores_nobody(app: Flask, alice: Browser) -> None:
    gone = add(app, "gone", deleted_at=now())

    answer = alice.post("/users/bob/restore", {"uuid": str(gone.uuid)})

    assert answer.status_code == 404
    assert saved(app, "gone").is_deleted


def test_whoever_was_never_deleted_cannot_be_restored_by_name(alice: Browser) -> None:
    assert alice.post("/users/bob/restore").status_code == 404
    assert alice.post("/users/nobody/restore").status_code == 404


def test_deleting_twice_is_a_404(alice: Browser) -> None:
    alice.post("/users/bob/delete")

    assert alice.post("/users/bob/delete").status_code == 404


def test_whoever_was_deactivated_comes_back_deactivated(app: Flask, alice: Browser) -> None:
    change(app, "bob", active=False)
    alice.post("/users/bob/delete")

    alice.post("/users/bob/restore")

    assert saved(app, "bob").state == "deactivated"


def test_bringing_back_asks_for_the_password_first(app: Flask, alice: Browser) -> None:
    change(app, "bob", deleted_at=now())
    let_pass(app, 10, "alice")

    assert alice.post("/users/bob/restore").status_code == 403
    assert saved(app, "bob").is_deleted
