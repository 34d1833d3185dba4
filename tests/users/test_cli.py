"""Operators at the command line keep the same rules as the pages."""

import json

import pytest
from click.testing import Result
from flask import Flask

from app.database import now
from tests.people import Browser
from tests.users.saved import add, change, everything, exists, saved


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=list(arguments))


ERIN = ("create-admin", "--username", "erin", "--email", "Erin@Example.com", "--name", "Erin East")


def test_a_superuser_is_made_with_a_password_that_is_shown_once(app: Flask) -> None:
    result = run(app, *ERIN)

    erin = saved(app, "erin")
    password = result.output.split("shown only once: ")[1].strip()
    assert result.exit_code == 0
    assert "Made the superuser erin" in result.output
    assert (erin.is_superuser, erin.email, erin.name) == (True, "erin@example.com", "Erin East")
    assert len(password) >= 16
    assert erin.has_password(password)


def test_a_given_password_is_not_repeated(app: Flask, stranger: Browser) -> None:
    result = run(app, *ERIN, "--password", "seven green bottles")

    assert result.exit_code == 0
    assert "seven green bottles" not in result.output
    form = {"login": "erin", "password": "seven green bottles"}
    assert stranger.post("/sign-in", form).status_code == 303
    assert Browser(app, "erin").get("/users").status_code == 200


def test_it_asks_for_what_is_missing(app: Flask) -> None:
    runner = app.test_cli_runner()

    result = runner.invoke(args=["create-admin"], input="erin\nerin@example.com\n")

    assert result.exit_code == 0
    assert saved(app, "erin").name == "Admin"


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--username", "Erin!", "Use 2 to 20 lower-case letters and digits"),
        ("--email", "erin", "Enter an email address like name@example.com"),
        ("--name", "E", "Use 2 to 30 characters"),
        ("--password", "short", "Use 8 characters or more"),
    ],
)
def test_a_wrong_option_is_named_with_exit_code_2(
    app: Flask, option: str, value: str, sentence: str
) -> None:
    result = run(app, *ERIN, option, value)

    assert result.exit_code == 2
    assert option in result.output
    assert sentence in result.output
    assert not exists(app, "erin")


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--username", "bob", "bob is taken. Try bob2 or bob3."),
        ("--email", "bob@example.com", "Another account already has this address."),
    ],
)
def test_what_is_taken_is_said_with_exit_code_1(
    app: Flask, option: str, value: str, sentence: str
) -> None:
    result = run(app, *ERIN, option, value)

    assert result.exit_code == 1
    assert f"Error: {sentence}" in result.output
    assert not saved(app, "bob").is_superuser


def test_if_missing_leaves_everything_as_it_is(app: Flask) -> None:
    before = everything(app)

    result = run(app, *ERIN, "--if-missing")

    assert result.exit_code == 0
    assert everything(app) == before


def test_if_missing_makes_one_where_nobody_is_in_charge(app: Flask) -> None:
    change(app, "alice", active=False)

    assert run(app, *ERIN, "--if-missing").exit_code == 0
    assert saved(app, "erin").is_superuser


def test_people_are_listed(app: Flask) -> None:
    add(app, "off", active=False)

    result = run(app, "users", "list")

    assert result.exit_code == 0
    lines = [line.split() for line in result.output.splitlines()]
    assert ["bob", "free", "active", "bob@example.com"] in lines
    assert ["off", "-", "deactivated", "off@example.com"] in lines
    assert len(lines) == 5


def test_programs_get_json_without_secrets(app: Flask) -> None:
    result = run(app, "users", "list", "--json", "--search", "BOB")

    assert json.loads(result.output) == [
        {
            "username": "bob",
            "name": "Bob Baker",
            "email": "bob@example.com",
            "tier": "free",
            "state": "active",
        }
    ]
    assert json.loads(run(app, "users", "list", "--json", "--search", "zzyzx").output) == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--tier", "pro"), {"alice", "carol"}),
        (("--tier", "-"), {"off"}),
        (("--state", "deactivated"), {"off"}),
        (("--state", "deleted"), {"gone"}),
        (("--limit", "1"), {"alice"}),
        (("--search", "%"), set()),
    ],
)
def test_the_list_is_narrowed(app: Flask, options: tuple[str, ...], expected: set[str]) -> None:
    add(app, "gone", deleted_at=now())
    add(app, "off", active=False)

    rows = json.loads(run(app, "users", "list", "--json", *options).output)

    assert {row["username"] for row in rows} == expected


def test_no_match_is_said(app: Flask) -> None:
    assert run(app, "users", "list", "--search", "zzyzx").output == "No users match.\n"


def test_a_state_that_is_none_is_refused(app: Flask) -> None:
    assert run(app, "users", "list", "--state", "asleep").exit_code == 2


def test_bob_moves_to_another_tier(app: Flask) -> None:
    result = run(app, "users", "set-tier", "bob", "pro")

    tier = saved(app, "bob").tier
    assert (result.exit_code, result.output) == (0, "bob is on pro\n")
    assert tier is not None
    assert tier.name == "pro"


def test_bob_can_be_without_a_tier(app: Flask) -> None:
    result = run(app, "users", "set-tier", "bob", "-")

    assert (result.exit_code, result.output) == (0, "bob is on no tier\n")
    assert saved(app, "bob").tier is None


def test_an_unknown_tier_names_those_there_are(app: Flask) -> None:
    result = run(app, "users", "set-tier", "bob", "gold")

    assert result.exit_code == 1
    assert "There is no tier named 'gold'. Tiers: free, pro." in result.output
    assert (saved(app, "bob").tier_id) is not None


def test_bob_is_deactivated_and_restored(app: Flask, bob: Browser) -> None:
    off = run(app, "users", "deactivate", "bob")
    assert (off.exit_code, off.output) == (0, "bob is deactivated\n")
    assert saved(app, "bob").state == "deactivated"
    assert bob.get("/").status_code == 303

    on = run(app, "users", "restore", "bob")
    assert (on.exit_code, on.output) == (0, "bob is active\n")
    assert saved(app, "bob").state == "active"


def test_a_deleted_person_is_restored(app: Flask) -> None:
    add(app, "gone", active=False, deleted_at=now())

    assert run(app, "users", "restore", "gone").exit_code == 0
    assert saved(app, "gone").state == "active"


def test_nobody_is_restored_in_the_place_of_somebody_else(app: Flask) -> None:
    add(app, "gone", deleted_at=now(), email="bob@example.com")

    result = run(app, "users", "restore", "gone")

    assert result.exit_code == 1
    assert "somebody else has the same email address by now." in result.output
    assert saved(app, "gone").is_deleted


@pytest.mark.parametrize(
    "command", [("set-tier", "nobody", "pro"), ("deactivate", "nobody"), ("restore", "nobody")]
)
def test_a_missing_person_is_said_with_exit_code_1(app: Flask, command: tuple[str, ...]) -> None:
    result = run(app, "users", *command)

    assert result.exit_code == 1
    assert "There is no user named 'nobody'." in result.output


@pytest.mark.parametrize(
    "command",
    [
        ("create-admin",),
        *(("users", name) for name in ("list", "set-tier", "deactivate", "restore")),
    ],
)
def test_every_command_explains_itself(app: Flask, command: tuple[str, ...]) -> None:
    result = run(app, *command, "--help")

    assert result.exit_code == 0
    assert f"Usage: flask {' '.join(command)}" in result.output.replace(" app ", " flask ")
    assert len(result.output.splitlines()[2].strip()) > 10
