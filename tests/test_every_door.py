"""What is asked of every door of every feature, also of those that will be added."""

import pytest
from flask import Flask
from werkzeug.routing import IntegerConverter, Rule
from werkzeug.test import TestResponse

from tests import given, hostile
from tests.auth.programs import Program
from tests.jobs.deeds import start
from tests.people import CAST, Browser
from tests.tokens.deeds import bearing, token_of
from tests.users.saved import everything

# What strangers may open; everything else asks them to sign in.
OPEN = {
    *("system.healthz", "system.readyz"),
    *("auth.sign_in", "auth.create_session", "auth.welcome", "auth.choose_password"),
    *("auth.sign_up", "auth.check_username", "auth.create_account", "auth.sign_up_sent"),
    *("auth.finish_sign_up", "auth.finish_account", "auth.forgot", "auth.ask_for_reset"),
    *("auth.reset_sent", "auth.reset", "auth.reset_password"),
    *("auth.begin_passkey", "auth.pass_with_passkey"),
    # Where ENVIRONMENT is local, as here; tests/reference asks about the others.
    *("reference.openapi", "reference.swagger", "reference.redoc"),
    # Links that came by mail, also to whoever is not signed in there.
    *("profile.confirm_email", "profile.confirm_this_email"),
    *("profile.change_email", "profile.change_to_this_email"),
}
# What everybody who is signed in may open; everything else is for operators.
OWN = {
    *("home.index", "audit.activity", "tiers.quotas", "tiers.compare"),
    *("auth.sign_out", "auth.confirm", "auth.second_step", "auth.pass_second_step", "auth.passkey"),
}
OWN_BLUEPRINTS = {"profile", "data", "leaving", "factors", "tokens", "jobs", "reference"}
OWN |= given.OWN
OWN |= {
    *("security.index", "security.change_password"),
    *("security.end_session", "security.end_all", "security.end_others"),
}
# When somebody was last seen, and when and where from a program came in.
LAST_USE = ("last_seen_at", "seen_at", "idle_until", "used_at", "address")
PLACES = {"name": "free", "tier_name": "free"}
FORGED = (None, "", "wrong", "mallory's")


def doors(
    app: Flask, method: str, who: str = "bob", programs: bool = False
) -> list[tuple[str, str]]:
    """The (endpoint, path) of every door that takes ``method``; programs' doors have no forms."""
    rules = [rule for rule in app.url_map.iter_rules() if method in (rule.methods or ())]
    found = [(rule.endpoint, path_of(app, rule, who)) for rule in rules]
    return [(endpoint, path) for endpoint, path in found if path.startswith("/api/") == programs]


def path_of(app: Flask, rule: Rule, who: str) -> str:
    """The address with something in each place: a number where one belongs, a tier, or ``who``."""
    values = {
        name: 1 if isinstance(kind, IntegerConverter) else PLACES.get(name, who)
        for name, kind in rule._converters.items()
    }
    built = rule.build(values)
    assert built is not None
    return built[1]


@pytest.mark.parametrize("part", [{}, {"HX-Request": "true"}])
def test_looking_changes_nothing(app: Flask, alice: Browser, part: dict[str, str]) -> None:
    before = everything(app)

    for endpoint, path in doors(app, "GET"):
        assert alice.client.get(path, headers=part).status_code < 500, endpoint
        assert alice.client.head(path, headers=part).status_code < 500, endpoint

    assert everything(app) == before


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_programs_that_look_change_nothing(app: Flask, method: str) -> None:
    tokens = [token_of(app, "alice"), Program(app, "alice").access, "none"]
    job = start(app, "demonstration", "alice")
    given.give(app)
    before, paths = everything(app, but=LAST_USE), doors(app, "GET", programs=True)
    assert paths

    for token in tokens:
        for endpoint, path in paths:
            path = path.replace("/task/bob", f"/task/{job}")
            answer = app.test_client().open(path, method=method, headers=bearing(token))
            assert answer.status_code == (401 if token == "none" else 200), endpoint

    assert everything(app, but=LAST_USE) == before


def test_nothing_changes_without_the_token_of_this_session(
    app: Flask, alice: Browser, mallory: Browser
) -> None:
    before, paths = everything(app), doors(app, "POST")
    assert len(paths) >= 25

    for token in FORGED:
        sent = mallory.token if token == "mallory's" else token
        form = {} if sent is None else {"csrf_token": sent}
        for endpoint, path in paths:
            assert alice.client.post(path, data=form).status_code == 400, endpoint
            headers = {"HX-Request": "true", "X-CSRFToken": sent or ""}
            assert alice.client.post(path, headers=headers).status_code == 400, endpoint

    assert everything(app) == before


def test_strangers_are_asked_to_sign_in_everywhere_else(app: Flask, stranger: Browser) -> None:
    before, let_in = everything(app), []

    for method, ask in (("GET", stranger.get), ("POST", stranger.post)):
        for endpoint, path in doors(app, method):
            answer = None if endpoint in OPEN else ask(path)
            if answer and (answer.status_code, at(answer)) != (303, "/sign-in"):
                let_in.append(endpoint)

    assert let_in == []
    assert everything(app) == before
    assert {endpoint for endpoint, _ in doors(app, "GET") + doors(app, "POST")} >= OPEN


def operators_doors(app: Flask, who: str) -> list[tuple[str, str, str]]:
    """The (method, endpoint, path) of whatever is neither open to strangers nor one's own."""
    return [
        (method, endpoint, path)
        for method in ("GET", "POST")
        for endpoint, path in doors(app, method, who)
        if endpoint not in OPEN | OWN and endpoint.split(".")[0] not in OWN_BLUEPRINTS
    ]


def test_bob_learns_at_no_operators_door_who_is_there(app: Flask, bob: Browser) -> None:
    before = everything(app)
    there, not_there = operators_doors(app, "carol"), operators_doors(app, "nobody")
    assert len(there) >= 37

    for (method, endpoint, path), (*_, other) in zip(there, not_there, strict=True):
        ask = bob.get if method == "GET" else bob.post
        answer, same = ask(path), ask(other)
        assert answer.status_code in (403, 404), endpoint
        assert same.status_code == answer.status_code, endpoint
        assert named_in(answer, path) == set(), endpoint

    assert everything(app) == before


def test_bob_finds_nobody_else_where_he_may_go(app: Flask, bob: Browser) -> None:
    for endpoint, path in doors(app, "GET", "carol"):
        assert named_in(bob.get(path), path) == set(), endpoint


def named_in(answer: TestResponse, path: str) -> set[str]:
    """The others whom the answer names, apart from the address that was asked for."""
    said = answer.text.replace(path, "").lower()
    return {username for username, *_ in CAST if username != "bob" and username in said}


# How many forms each role sends to each door, and which of them first.
ROLES = {"alice": (3, 1), "bob": (1, 6), "half": (1, 7), "stranger": (1, 9)}


@pytest.mark.server_only  # a server refuses more than SQLite does
@pytest.mark.parametrize("role", ROLES)
def test_nothing_that_is_sent_makes_a_door_fail(app: Flask, role: str) -> None:
    refused, is_changed = set(), True

    for endpoint, path in reached(app, "POST", role):
        if is_changed:
            real, who = hostile.given_things(app), hostile.come_in(app, role, path)
        statuses = {sent(who, real(path), form) for form in hostile.forms(*ROLES[role])}
        print(endpoint, sorted(statuses))
        assert max(statuses) < 500, endpoint
        refused |= {endpoint for status in statuses if status == 422}
        is_changed = min(statuses) < 400

    assert len(refused) >= (15 if role == "alice" else 4)  # the forms were looked at


def reached(app: Flask, method: str, role: str) -> list[tuple[str, str]]:
    """What ``role`` gets to by ``method``: who has no session is sent away from the other doors."""
    found, has_session = doors(app, method), role in ("alice", "bob")
    return [(endpoint, path) for endpoint, path in found if has_session or opens(endpoint, path)]


def opens(endpoint: str, path: str) -> bool:
    return endpoint in OPEN or path.startswith("/sign-in")


def sent(who: Browser, path: str, form: dict[str, str]) -> int:
    answer = who.post(path, form)
    answer.get_data()  # also of a file that is made while it is sent
    return answer.status_code


@pytest.mark.server_only  # a server refuses more than SQLite does
@pytest.mark.parametrize("role", ROLES)
def test_nothing_that_is_asked_makes_a_door_fail(app: Flask, role: str) -> None:
    real, who = hostile.given_things(app), hostile.come_in(app, role, "/security")
    asked = [hostile.HUGE, hostile.RAW, *hostile.forms(*ROLES[role])][: 3 if who.username else 1]

    for endpoint, path in reached(app, "GET", role):
        for number, query in enumerate(asked):
            ask = who.get if number % 2 else who.htmx_get
            assert ask(real(path), query_string=query).status_code < 500, (endpoint, query)


def at(answer: TestResponse) -> str:
    return (answer.location or "").split("?")[0]


def test_no_door_takes_another_method(app: Flask) -> None:
    methods = set().union(*(rule.methods or () for rule in app.url_map.iter_rules()))
    with_forms = {
        method
        for rule in app.url_map.iter_rules()
        if not rule.rule.startswith("/api/")
        for method in rule.methods or ()
    }

    assert with_forms == {"GET", "HEAD", "OPTIONS", "POST"}
    assert "TRACE" not in methods
