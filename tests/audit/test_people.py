"""What is done to people is on record, by whichever door, with the values before and after."""

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import event as sqlalchemy_event

from app.audit.models import Event
from tests.audit.kept import kept, only, told
from tests.people import Browser
from tests.users.saved import change, saved

GRACE = {"name": "Grace Green", "username": "grace", "email": "grace@example.com", "tier": "free"}
BOB = {"name": "Bob Baker", "username": "bob", "email": "bob@example.com", "tier": "free"}


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=list(arguments))


def test_somebody_new_is_on_record_with_their_id(app: Flask, alice: Browser) -> None:
    alice.post("/users/new-user", GRACE)

    event = only(app)
    assert told(event) == ("Alice Archer", "account.created", "Grace Green")
    assert (event.subject_kind, event.subject_id) == ("user", saved(app, "grace").id)


def test_an_edit_keeps_what_changed_and_only_that(app: Flask, alice: Browser) -> None:
    alice.post("/users/bob", {**BOB, "name": "Robert Baker", "email": "rob@example.com"})

    event = only(app)
    assert told(event) == ("Alice Archer", "account.changed", "Robert Baker")
    assert event.changes == {
        "name": ["Bob Baker", "Robert Baker"],
        "email": ["bob@example.com", "rob@example.com"],
    }


def test_an_edit_that_changes_nothing_is_not_on_record(app: Flask, alice: Browser) -> None:
    alice.post("/users/bob", BOB)

    assert kept(app) == []


def test_a_move_in_the_editor_is_found_among_the_moves(app: Flask, alice: Browser) -> None:
    alice.post("/users/bob", {**BOB, "tier": "pro"})

    assert (only(app).action, only(app).changes) == ("tier.moved", {"tier": ["free", "pro"]})


def test_a_move_and_its_undo_are_both_on_record(app: Flask, alice: Browser) -> None:
    alice.post("/users/bob/tier", {"tier": "pro"})
    alice.post("/users/bob/tier", {"tier": "free", "undo": "1"})

    assert [event.changes["tier"] for event in kept(app)] == [["free", "pro"], ["pro", "free"]]


@pytest.mark.parametrize(
    ("deeds", "actions"),
    [
        (("deactivate", "activate"), ["role.deactivated", "role.activated"]),
        (("delete", "restore"), ["account.deleted", "account.restored"]),
        (("counts",), ["counts.reset"]),
        (("activate",), []),
    ],
)
def test_every_deed_is_on_record(
    app: Flask, alice: Browser, deeds: tuple[str, ...], actions: list[str]
) -> None:
    for deed in deeds:
        alice.post(f"/users/bob/{deed}")

    assert [told(event) for event in kept(app)] == [
        ("Alice Archer", action, "Bob Baker") for action in actions
    ]


def test_what_is_refused_is_not_on_record(app: Flask, alice: Browser, mallory: Browser) -> None:
    alice.post("/users/bob", {**BOB, "username": "carol"})
    alice.post("/users/alice/deactivate")
    alice.post("/users/alice/delete")
    alice.post("/users/new-user", {**GRACE, "email": "bob@example.com"})
    alice.post("/users/bob/tier", {"tier": "pro", "version": "99"})
    mallory.post("/users/bob/delete")

    assert kept(app) == []


def test_nothing_is_done_that_cannot_be_put_on_record(app: Flask, alice: Browser) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("The trail is full.")

    alice.token  # noqa: B018 - asked for while all is well
    sqlalchemy_event.listen(Event, "before_insert", refuse)
    try:
        answer = alice.post("/users/bob/delete")
    finally:
        sqlalchemy_event.remove(Event, "before_insert", refuse)

    assert answer.status_code == 500
    assert not saved(app, "bob").is_deleted
    assert kept(app) == []


def test_commands_are_on_record_as_the_systems(app: Flask) -> None:
    run(app, "create-admin", "--username", "erin", "--email", "erin@example.com", "--name", "Erin")
    run(app, "users", "set-tier", "bob", "pro")
    run(app, "users", "deactivate", "bob")
    run(app, "users", "restore", "bob")

    assert [told(event) for event in kept(app)] == [
        ("System", "account.created", "Erin"),
        ("System", "tier.moved", "Bob Baker"),
        ("System", "role.deactivated", "Bob Baker"),
        ("System", "role.activated", "Bob Baker"),
    ]
    assert kept(app)[0].changes == {"operator": ["no", "yes"]}
    assert {event.address for event in kept(app)} == {""}


def test_a_command_that_brings_back_says_so(app: Flask, alice: Browser) -> None:
    alice.post("/users/bob/delete")

    run(app, "users", "restore", "bob")

    assert told(kept(app)[-1]) == ("System", "account.restored", "Bob Baker")


def test_a_name_that_changed_later_stays_as_it_was(app: Flask, alice: Browser) -> None:
    alice.post("/users/bob/counts")

    change(app, "bob", name="Somebody Else")

    assert only(app).subject_name == "Bob Baker"
