"""Fields that a form does not have change nothing, by whatever door they come."""

from typing import Any

import pytest
from flask import Flask

from tests.people import PASSWORD, Browser
from tests.users.saved import saved

HARM = {
    "is_superuser": "1",
    "id": "4711",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "password": "chosen by another",
    "password_hash": "x",
    "tier_id": "2",
    "active": "",
    "is_active": "",
    "deleted_at": "2020-01-01",
    "created_at": "2020-01-01",
    "last_seen_at": "2020-01-01",
    "email_verified": "1",
    "session_token": "x",
    "theme": "dark",
    "time_zone": "Mars/Base",
}
GUARDED = (
    "id",
    "uuid",
    "is_superuser",
    "password_hash",
    "active",
    "deleted_at",
    "created_at",
    "last_seen_at",
    "theme",
    "time_zone",
)
BOB = {"name": "Bob Brown", "username": "bob", "email": "bob@example.com", "tier": "free"}


def guarded(app: Flask, username: str) -> dict[str, Any]:
    user = saved(app, username)
    return {"tier_id": user.tier_id, **{name: getattr(user, name) for name in GUARDED}}


def test_editing_changes_only_what_the_editor_has(app: Flask, alice: Browser) -> None:
    before = guarded(app, "bob")

    assert alice.post("/users/bob", {**HARM, **BOB}).status_code == 303

    assert saved(app, "bob").name == "Bob Brown"
    assert guarded(app, "bob") == before


def test_adding_makes_nobody_an_operator_and_sets_no_password(app: Flask, alice: Browser) -> None:
    form = {"name": "Dora", "username": "dora", "email": "dora@example.com", "tier": "free"}

    assert alice.post("/users/new-user", {**HARM, **form}).status_code == 303

    dora = saved(app, "dora")
    assert (dora.is_superuser, dora.password_hash, dora.state) == (False, None, "invited")
    assert (dora.theme, dora.time_zone, dora.deleted_at) == (None, "UTC", None)
    assert dora.id != 4711
    assert str(dora.uuid) != HARM["uuid"]
    assert dora.tier is not None
    assert dora.tier.name == "free"


@pytest.mark.parametrize("door", ["tier", "activate", "counts", "sign-out"])
def test_other_doors_change_only_what_they_say(app: Flask, alice: Browser, door: str) -> None:
    before = guarded(app, "bob")

    assert alice.post(f"/users/bob/{door}", {**HARM, "tier": "free"}).status_code == 303

    assert guarded(app, "bob") == before


def test_signing_in_changes_nothing_but_when_somebody_was_seen(
    app: Flask, stranger: Browser
) -> None:
    before = guarded(app, "mallory")

    form = {**HARM, "login": "mallory", "password": PASSWORD}
    assert stranger.post("/sign-in", form).status_code == 303

    after = guarded(app, "mallory")
    assert after.pop("last_seen_at") != before.pop("last_seen_at")
    assert after == before
