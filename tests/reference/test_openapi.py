"""The published document is valid and whole: every door of the API, each with every answer."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from openapi_spec_validator import validate

from app.openapi import document
from app.takes import in_address

# Doors that do not say yet what they take and give. Nothing may be added; it is to be empty.
NOT_YET: set[tuple[str, str]] = set()
BESIDES = {"HEAD", "OPTIONS"}


@pytest.fixture
def known(app: Flask) -> dict[str, Any]:
    return document(app)


def operations(known: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in known["paths"].items():
        for method, said in methods.items():
            yield method.upper(), path, said


def resolved(known: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    found: Any = said
    while "$ref" in found:
        path = found["$ref"].removeprefix("#/").split("/")
        found = known
        for name in path:
            found = found[name]
    return dict(found)


def test_it_is_valid(known: dict[str, Any]) -> None:
    validate(known)
    assert known["openapi"].startswith("3.1.")


def test_every_door_is_in_it(app: Flask, known: dict[str, Any]) -> None:
    doors = {
        (method, adapted(rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in (rule.methods or set()) - BESIDES
    }

    published = {(method, path) for method, path, _ in operations(known)}
    assert doors - published == NOT_YET
    assert published - doors == set()


def adapted(rule: str) -> str:
    """A rule as the document writes it, by another way than the document's."""
    parts = [part.partition(">") for part in rule.split("<")]
    names = [f"{{{name.rpartition(':')[2]}}}{rest}" for name, _, rest in parts[1:]]
    return parts[0][0] + "".join(names)


def test_every_operation_says_what_it_is(known: dict[str, Any]) -> None:
    described = {tag["name"]: tag["description"] for tag in known["tags"]}
    for method, path, said in operations(known):
        where = f"{method} {path}"
        assert said["summary"], where
        assert "`" not in said["summary"], where  # it is no Markdown
        [tag] = said["tags"]
        assert described[tag], where
        assert said["security"], where
        for need in said["security"]:
            assert set(need) <= set(known["components"]["securitySchemes"]), where


def test_every_operation_has_a_name_of_its_own(known: dict[str, Any]) -> None:
    names = [said["operationId"] for *_, said in operations(known)]

    assert len(set(names)) == len(names)


def test_every_answer_has_a_schema_and_a_description(known: dict[str, Any]) -> None:
    for method, path, said in operations(known):
        where = f"{method} {path}"
        statuses = set(said["responses"])
        assert {"400", "401", "500", "503"} < statuses, where
        assert min(statuses) in ("200", "201"), where
        for status, answer in said["responses"].items():
            answer = resolved(known, answer)
            assert answer["description"], where
            assert "X-Request-ID" in answer["headers"], where
            assert status == "304" or answer["content"]["application/json"]["schema"], where


def test_what_may_be_sent_wrong_has_its_answer(known: dict[str, Any]) -> None:
    for method, path, said in operations(known):
        where, statuses = f"{method} {path}", set(said["responses"])
        places = {each["in"] for each in said.get("parameters", ())}
        assert "query" not in places or "422" in statuses, where
        assert "path" not in places or "404" in statuses, where
        assert "requestBody" not in said or {"413", "415", "422"} <= statuses, where
        assert path.count("{") == [each["in"] for each in said.get("parameters", ())].count("path")


def test_limited_calls_say_so(known: dict[str, Any]) -> None:
    start = known["paths"]["/api/v1/tasks/task"]["post"]

    assert "RateLimit" in start["responses"]["201"]["headers"]
    too_many = resolved(known, start["responses"]["429"])
    assert {"Retry-After", "RateLimit", "X-RateLimit-Reset"} <= set(too_many["headers"])
    for example in too_many["content"]["application/json"]["examples"].values():
        assert example["value"]["detail"] == "Rate limit exceeded."


def test_examples_follow_their_schemas(known: dict[str, Any]) -> None:
    required = known["components"]["schemas"]["Error"]["required"]
    for answer in known["components"]["responses"].values():
        for example in answer["content"]["application/json"]["examples"].values():
            assert set(required) <= set(example["value"])


def test_a_cookie_is_asked_for_where_one_is_read_and_nowhere_else(known: dict[str, Any]) -> None:
    cookies = {path for _, path, said in operations(known) if "cookie" in str(said["security"])}

    assert cookies == {"/api/v1/refresh", "/api/v1/logout"}


def test_numbers_in_addresses_have_their_bounds() -> None:
    assert in_address("int", "(max=2147483647)") == {
        "type": "integer",
        "minimum": 0,
        "maximum": 2147483647,
    }
    assert in_address("", "")["type"] == "string"


def test_a_site_says_who_it_is(app: Flask) -> None:
    before = app.config["SETTINGS"]
    facts = {
        "app_name": "Night desk",
        "app_version": "2.4",
        "app_description": "For those who are awake.",
        "contact_name": "The desk",
        "contact_email": "desk@example.com",
        "license_name": "MIT",
    }
    app.config["SETTINGS"] = before.model_copy(update=facts)
    info = document(app)["info"]
    app.config["SETTINGS"] = before

    assert (info["title"], info["version"]) == ("Night desk", "2.4")
    assert info["description"].startswith("For those who are awake.\n\n")
    assert info["contact"] == {"name": "The desk", "email": "desk@example.com"}
    assert info["license"] == {"name": "MIT"}
