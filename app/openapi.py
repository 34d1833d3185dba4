"""The published document (OpenAPI 3.1): made from what the doors of the API say of themselves."""

import re
import sys
from collections.abc import Iterator
from inspect import cleandoc
from typing import Any

from flask import Flask
from pydantic import TypeAdapter
from werkzeug.routing import Rule

from app.answers import Error, LimitError, answers, components
from app.config import Settings
from app.operations import Operation
from app.takes import REFERENCE, body_of, in_headers, in_path, in_query

VERSION = "3.1.0"
START = "/api/v1"
BESIDES = {"HEAD", "OPTIONS"}  # answered wherever GET is
ABOUT = (
    "Everything here is under `/api/v1`, speaks JSON, and knows no cookie but that of "
    "`/refresh` and `/logout`. Sign in with `POST /api/v1/login`, or send a personal token, as "
    "`Authorization: Bearer …`. Errors say why in `detail`. Limited calls say in headers what is "
    "left. Calls that make something take an `Idempotency-Key`; what was read has an `ETag`."
)
# In the order in which people need them; a tag that is not here is told by its module.
TAGS = {
    "Sign-in": "A password for an access token of half an hour, and a cookie that gets the next.",
    "Users": "People: oneself, and for operators everybody.",
    "Tiers": "What people are on; each tier has limits.",
    "Rate limits": "How often a tier may call a route, and what is left of it.",
    "Tasks": "Work that runs later: start it, see how far it is, stop it, try it again.",
}
SECURITY: dict[str, list[dict[str, list[str]]]] = {
    "anybody": [{}, {"token": []}],
    "signed in": [{"token": []}, {"password": []}],
    "operators": [{"token": []}, {"password": []}],
}
# Where something else than a token lets in.
OTHERWISE: dict[str, list[dict[str, list[str]]]] = {
    "auth_api.login": [{}],
    "auth_api.refresh": [{"cookie": []}],
    "auth_api.logout": [{"token": []}, {"cookie": []}, {"token": [], "cookie": []}],
}
WHO = {"operators": "For operators only."}
WRITES = "A personal token has to be one that may write."
LIMITED = "It counts against a limit of the caller's tier."
SCHEMES = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token of `POST /api/v1/login`, or a personal API token.",
    },
    "password": {
        "type": "oauth2",
        "description": "The same access token, by the password form of OAuth 2.0.",
        "flows": {"password": {"tokenUrl": f"{START}/login", "scopes": {}}},
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "refresh_token",
        "description": "Set by `/login` and `/refresh`; good for one use.",
    },
}
AS_THEY_ARE = ("const", "default", "enum", "example", "examples")


def document(app: Flask) -> dict[str, Any]:
    """The whole document. Raises nothing: a door that says nothing of itself is not in it."""
    doors = list(published(app))
    refs, definitions = schemas([view for _rule, _method, view in doors])
    paths: dict[str, dict[str, Any]] = {}
    for rule, method, view in doors:
        paths.setdefault(path_of(rule), {})[method.lower()] = described(rule, method, view, refs)
    shared = {"schemas": dict(sorted(definitions.items())), **components(refs)}
    known: dict[str, Any] = tidied(
        {"paths": paths, "components": {**shared, "securitySchemes": SCHEMES}}
    )
    return {
        "openapi": VERSION,
        "info": about(app.config["SETTINGS"]),
        "servers": [{"url": "/", "description": "This site"}],
        "tags": list(tags([view for *_, view in doors])),
        **known,
    }


def about(settings: Settings) -> dict[str, Any]:
    contact = {"name": settings.contact_name, "email": settings.contact_email}
    known = {key: str(value) for key, value in contact.items() if value}
    said = [text for text in (settings.app_description, ABOUT) if text]
    return {
        "title": settings.app_name,
        "version": settings.app_version or "1",
        "description": "\n\n".join(said),
        **({"contact": known} if known else {}),
        **({"license": {"name": settings.license_name}} if settings.license_name else {}),
    }


def published(app: Flask) -> Iterator[tuple[Rule, str, Any]]:
    """Each door of the API that says what it takes and gives: its rule, method and view."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint)):
        view = app.view_functions[rule.endpoint]
        if rule.rule.startswith(START) and hasattr(view, "operation"):
            for method in sorted((rule.methods or set()) - BESIDES):
                yield rule, method, view


def tags(views: list[Any]) -> Iterator[dict[str, str]]:
    """Each tag that is used, with what it is about."""
    modules = {view.operation.tag: view.__module__ for view in reversed(views)}
    for tag in sorted(modules, key=lambda tag: ([*TAGS, tag].index(tag), tag)):
        said = TAGS.get(tag) or cleandoc(sys.modules[modules[tag]].__doc__ or "")
        yield {"name": tag, "description": " ".join(said.split())}


def path_of(rule: Rule) -> str:
    return re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)


def schemas(views: list[Any]) -> tuple[dict[Any, Any], dict[str, Any]]:
    """The schema of each body, query and answer, and the definitions that they refer to."""
    wanted: list[tuple[Any, Any, TypeAdapter[Any]]] = []
    for view in views:
        known: Operation = view.operation
        taken = [kind for kind in (known.body, known.form) if kind]
        wanted += [(kind, "validation", TypeAdapter(kind)) for kind in taken]
        wanted += [(known.gives, "serialization", TypeAdapter(known.gives))]
    wanted += [(kind, "serialization", TypeAdapter(kind)) for kind in (Error, LimitError)]
    found, rest = TypeAdapter.json_schemas(wanted, ref_template=REFERENCE)
    return {key[0]: schema for key, schema in found.items()}, rest.get("$defs", {})


def described(rule: Rule, method: str, view: Any, refs: dict[Any, Any]) -> dict[str, Any]:
    known: Operation = view.operation
    summary, _, rest = cleandoc(view.__doc__ or "").partition("\n\n")
    said: dict[str, Any] = {
        "tags": [known.tag],
        "summary": " ".join(summary.split()).replace("``", ""),
        "operationId": operation_id(rule, method),
        "security": OTHERWISE.get(rule.endpoint, SECURITY[for_whom(view)]),
    }
    if text := " ".join([*rest.split(), *notes(view, method)]):
        said["description"] = text
    if parameters := [*in_path(rule), *in_query(known), *in_headers(known, method)]:
        said["parameters"] = parameters
    if content := body_of(known, refs):
        said["requestBody"] = {"required": True, "content": content}
    return {**said, "responses": answers(view, method, rule, refs)}


def for_whom(view: Any) -> str:
    """Who may pass a door: "anybody", "signed in" or "operators"."""
    return str(getattr(view, "for_whom", "anybody"))


def notes(view: Any, method: str) -> Iterator[str]:
    """What is true of many doors, said at each."""
    if who := WHO.get(for_whom(view)):
        yield who
    if method != "GET" and not hasattr(view, "readers_too"):
        yield WRITES
    if hasattr(view, "limit_mark"):
        yield LIMITED


def operation_id(rule: Rule, method: str) -> str:
    """One of its own for each address and method: the endpoint, and what else tells it apart."""
    name = rule.endpoint.replace("_api.", "_")
    name += f"_{method.lower()}" if len((rule.methods or set()) - BESIDES) > 1 else ""
    return f"{name}_" if rule.rule.endswith("/") else name


def tidied(what: Any, names: bool = False) -> Any:
    """Without the titles that pydantic makes of names, its names of lists in one word, and words
    of programs as Markdown has them. ``names`` says that the keys are names of fields.
    """
    if isinstance(what, list):
        return [tidied(each) for each in what]
    if not isinstance(what, dict):
        return what
    return {
        key if not key.startswith("PageOf_") else key.replace("_", ""): as_published(key, each)
        for key, each in what.items()
        if names or key != "title" or not isinstance(each, str)
    }


def as_published(key: str, what: Any) -> Any:
    if key in AS_THEY_ARE:
        return what
    if key == "$ref":
        return re.sub(r"PageOf_\w+", lambda found: found[0].replace("_", ""), what)
    if key == "description" and isinstance(what, str):
        return what.replace("``", "`")
    return tidied(what, names=key == "properties")
