"""What is asked of every door about people: looking changes nothing, a form needs its token,
and whoever may not pass learns nothing."""

import pytest
from flask import Flask

from tests.people import Browser
from tests.users.saved import everything

BLUEPRINTS = ("users", "auth")
OPEN = (  # to strangers: what lets them in
    *("auth.sign_in", "auth.create_session", "auth.welcome", "auth.choose_password"),
    *("auth.sign_up", "auth.check_username", "auth.create_account", "auth.sign_up_sent"),
    *("auth.finish_sign_up", "auth.finish_account", "auth.forgot", "auth.ask_for_reset"),
    *("auth.reset_sent", "auth.reset", "auth.reset_password"),
    *("auth.second_step", "auth.pass_second_step"),
    *("auth.begin_passkey", "auth.passkey", "auth.pass_with_passkey"),
)

ANYBODY = ("auth.sign_out", "auth.confirm")  # who is signed in


def doors(app: Flask, method: str, username: str = "bob") -> list[tuple[str, str]]:
    """The (endpoint, path) of every door of these features that takes ``method``."""
    rules = [rule for rule in app.url_map.iter_rules() if method in (rule.methods or ())]
    return [
        (rule.endpoint, path_of(rule.rule, username))
        for rule in rules
        if rule.endpoint.split(".")[0] in BLUEPRINTS
    ]


def path_of(rule: str, username: str) -> str:
    values = {"<username>": username, "<token>": "a.b.c", "<int(max=2147483647):id>": "2"}
    for variable, value in values.items():
        rule = rule.replace(variable, value)
    return rule


def operators_doors(app: Flask, username: str) -> list[tuple[str, str]]:
    return [
        (method, path)
        for method in ("GET", "POST")
        for endpoint, path in doors(app, method, username)
        if endpoint not in (*OPEN, *ANYBODY)
    ]


@pytest.mark.parametrize("part", [{}, {"HX-Request": "true"}])
def test_looking_changes_nothing(app: Flask, alice: Browser, part: dict[str, str]) -> None:
    before = everything(app)

    paths = [path for _, path in doors(app, "GET")]
    answers = [alice.client.get(path, headers=part) for path in paths]
    heads = [alice.client.head(path, headers=part) for path in paths]

    assert len(paths) >= 7
    assert all(answer.status_code < 500 for answer in answers + heads)
    assert everything(app) == before


def test_every_form_needs_the_token_of_this_session(
    app: Flask, alice: Browser, mallory: Browser
) -> None:
    before = everything(app)
    foreign = mallory.token
    paths = [path for _, path in doors(app, "POST")]
    assert len(paths) >= 12

    for path in paths:
        for token in (None, "", "wrong", foreign):
            form = {"tier": "pro", "login": "bob", "password": "x"}
            fields = form if token is None else {**form, "csrf_token": token}
            assert alice.client.post(path, data=fields).status_code == 400, path
            headers = {"HX-Request": "true", "X-CSRFToken": token or ""}
            assert alice.client.post(path, data=form, headers=headers).status_code == 400, path

    assert everything(app) == before


def test_strangers_are_asked_to_sign_in_at_every_door(app: Flask, stranger: Browser) -> None:
    before = everything(app)

    for method, path in operators_doors(app, "bob"):
        answer = (stranger.get if method == "GET" else stranger.post)(path)
        assert answer.status_code == 303, path
        assert answer.location.split("?")[0] == "/sign-in", path

    assert everything(app) == before


def test_whoever_is_not_there_is_a_404_at_every_door(app: Flask, alice: Browser) -> None:
    named = [(method, path) for method, path in operators_doors(app, "nobody") if "nobody" in path]
    assert len(named) >= 11

    for method, path in named:
        form = {"name": "No Body", "username": "nobody", "email": "n@example.com", "tier": ""}
        answer = alice.get(path) if method == "GET" else alice.post(path, form)
        assert answer.status_code == 404, path


def test_other_methods_open_no_door(app: Flask, alice: Browser) -> None:
    before = everything(app)

    for path in ("/users", "/users/bob", "/users/bob/delete", "/sign-in"):
        for method in ("PUT", "DELETE", "PATCH"):
            headers = {"X-CSRFToken": alice.token}
            answer = alice.client.open(path, method=method, headers=headers)
            assert answer.status_code == 405, (method, path)

    assert everything(app) == before
