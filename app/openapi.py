"""The published document (OpenAPI 3.1): made from what the doors of the API say of themselves."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from inspect import cleandoc
from typing import Any

from flask import Flask
from pydantic import BaseModel, Field, TypeAdapter
from werkzeug.routing import Rule

from app.config import Settings
from app.operations import Operation

VERSION = "3.1.0"
START = "/api/v1"
REFERENCE = "#/components/schemas/{model}"
NUMBERS = {"int": {"type": "integer", "minimum": 0}}
SECURITY: dict[str, list[dict[str, list[str]]]] = {
    "anybody": [{}, {"token": []}],
    "signed in": [{"token": []}, {"password": []}],
    "operators": [{"token": []}, {"password": []}],
}
WHO = {"operators": "For operators only."}
SCHEMES = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token of `POST /api/v1/login`, or a personal API token.",
    },
    "password": {
        "type": "oauth2",
        "flows": {"password": {"tokenUrl": f"{START}/login", "scopes": {}}},
    },
    "cookie": {"type": "apiKey", "in": "cookie", "name": "refresh_token"},
}
LIMIT_HEADERS = ("RateLimit-Policy", "RateLimit")
LIMIT_NUMBERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")


class Wrong(BaseModel):
    """One thing that is wrong with a request."""

    loc: list[str | int] = Field(description="Where: body or query, then the field.")
    msg: str
    type: str


class Error(BaseModel):
    """Why something was not done."""

    detail: str | list[Wrong]
    title: str
    status: int
    request_id: str = Field(description="The number of this request in the log.")


class LimitError(Error):
    """A limit is used up."""

    limit: int | None = None
    period: int | None = Field(None, description="Seconds.")
    retry_after: int = Field(description="Seconds.")
    reset_at: str = Field(description="RFC 3339, in UTC.")


SHAPES = {429: LimitError}


def document(app: Flask) -> dict[str, Any]:
    """The whole document. Raises nothing: a door that says nothing of itself is not in it."""
    settings: Settings = app.config["SETTINGS"]
    doors = list(published(app))
    refs, definitions = schemas([known for _rule, _method, view in doors for known in [view]])
    paths: dict[str, dict[str, Any]] = {}
    for rule, method, view in doors:
        paths.setdefault(path_of(rule), {})[method.lower()] = described(rule, method, view, refs)
    return {
        "openapi": VERSION,
        "info": about(settings),
        "tags": [{"name": tag} for tag in dict.fromkeys(view.operation.tag for *_, view in doors)],
        "paths": paths,
        "components": {"schemas": definitions, "securitySchemes": SCHEMES},
    }


def about(settings: Settings) -> dict[str, Any]:
    contact = {"name": settings.contact_name, "email": settings.contact_email}
    known = {key: str(value) for key, value in contact.items() if value}
    info: dict[str, Any] = {"title": settings.app_name, "version": settings.app_version or "1"}
    if settings.app_description:
        info["description"] = settings.app_description
    if known:
        info["contact"] = known
    if settings.license_name:
        info["license"] = {"name": settings.license_name}
    return info


def published(app: Flask) -> Iterator[tuple[Rule, str, Any]]:
    """Each door of the API that says what it takes and gives: its rule, method and view."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint)):
        view = app.view_functions[rule.endpoint]
        if rule.rule.startswith(START) and hasattr(view, "operation"):
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield rule, method, view


def path_of(rule: Rule) -> str:
    return re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)


def schemas(views: list[Any]) -> tuple[dict[Any, Any], dict[str, Any]]:
    """The schema of each body, query and answer, and the definitions that they refer to."""
    wanted: list[tuple[Any, Any, TypeAdapter[Any]]] = []
    for view in views:
        known: Operation = view.operation
        taken = [kind for kind in (known.body, known.form, known.query) if kind]
        wanted += [(kind, "validation", TypeAdapter(kind)) for kind in taken]
        wanted += [(known.gives, "serialization", TypeAdapter(known.gives))]
    wanted += [(kind, "serialization", TypeAdapter(kind)) for kind in (Error, LimitError)]
    found, rest = TypeAdapter.json_schemas(wanted, ref_template=REFERENCE)
    return {key[0]: schema for key, schema in found.items()}, rest.get("$defs", {})


def described(rule: Rule, method: str, view: Any, refs: dict[Any, Any]) -> dict[str, Any]:
    known: Operation = view.operation
    whom = getattr(view, "for_whom", "anybody")
    summary, _, rest = cleandoc(view.__doc__ or "").partition("\n\n")
    text = " ".join(f"{rest} {WHO.get(whom, '')}".split())
    said: dict[str, Any] = {
        "tags": [known.tag],
        "summary": " ".join(summary.split()),
        "operationId": operation_id(rule),
        "security": SECURITY[whom],
        "responses": {**success(view, method, refs), **errors(view, method, rule, refs)},
    }
    if text:
        said["description"] = text
    if parameters := [*in_path(rule), *in_query(known, refs), *in_headers(known, method)]:
        said["parameters"] = parameters
    if content := body_of(known, refs):
        said["requestBody"] = {"required": True, "content": content}
    return said


def operation_id(rule: Rule) -> str:
    """One of its own for each address: the endpoint, and what its second address ends with."""
    name = rule.endpoint.replace("_api.", "_")
    return f"{name}_" if rule.rule.endswith("/") else name


def in_path(rule: Rule) -> list[dict[str, Any]]:
    found = re.findall(r"<(?:([^:<>(]+)[^:<>]*:)?([^<>]+)>", rule.rule)
    return [
        {"name": name, "in": "path", "required": True, "schema": NUMBERS.get(kind, TEXT)}
        for kind, name in found
    ]


TEXT = {"type": "string", "minLength": 1}


def in_query(known: Operation, refs: dict[Any, Any]) -> list[dict[str, Any]]:
    if known.query is None:
        return []
    schema = TypeAdapter(known.query).json_schema(ref_template=REFERENCE)
    needed = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in needed, **apart(each)}
        for name, each in schema["properties"].items()
    ]


def apart(schema: dict[str, Any]) -> dict[str, Any]:
    """What is said of a parameter beside its schema."""
    schema = {key: value for key, value in schema.items() if key != "title"}
    said = schema.pop("description", "")
    return {"schema": schema, **({"description": said} if said else {})}


def in_headers(known: Operation, method: str) -> list[dict[str, Any]]:
    names = {}
    if known.once or known.keyed:
        names["Idempotency-Key"] = "The same key gives the same answer for a day."
    if method in ("PATCH", "DELETE") and 412 in known.errors:
        names["If-Match"] = "The ETag that you read: 412 if it was changed since."
    if method == "GET":
        names["If-None-Match"] = "The ETag that you have: 304 if nothing changed."
    return [
        {"name": name, "in": "header", "description": said, "schema": {"type": "string"}}
        for name, said in names.items()
    ]


def body_of(known: Operation, refs: dict[Any, Any]) -> dict[str, Any]:
    if known.form:
        return {"application/x-www-form-urlencoded": {"schema": refs[known.form]}}
    if known.body is None:
        return {}
    example = {"examples": {"usual": {"value": known.examples["body"]}}} if known.examples else {}
    return {"application/json": {"schema": refs[known.body], **example}}


def success(view: Any, method: str, refs: dict[Any, Any]) -> dict[str, Any]:
    known: Operation = view.operation
    headers = dict.fromkeys(LIMIT_HEADERS, "string") if hasattr(view, "limit_mark") else {}
    headers |= dict.fromkeys(LIMIT_NUMBERS, "integer") if headers else {}
    headers |= {"ETag": "string"} if method == "GET" else {}
    answer: dict[str, Any] = {
        "description": HTTPStatus(known.status).phrase,
        "content": {"application/json": {"schema": refs[known.gives]}},
    }
    if headers:
        answer["headers"] = {name: {"schema": {"type": kind}} for name, kind in headers.items()}
    same = {"304": {"description": "Not Modified"}} if method == "GET" else {}
    return {str(known.status): answer, **same}


def errors(view: Any, method: str, rule: Rule, refs: dict[Any, Any]) -> dict[str, Any]:
    return {
        str(status): {
            "description": HTTPStatus(status).phrase,
            "content": {"application/json": {"schema": refs[SHAPES.get(status, Error)]}},
            **retry_later(status),
        }
        for status in sorted(statuses(view, method, rule))
    }


def statuses(view: Any, method: str, rule: Rule) -> set[int]:
    """The errors that a door may answer with: what it says itself, and what all of its kind may."""
    known: Operation = view.operation
    found = {400, 500, 503, *known.errors}
    found |= {401}  # a token that is not valid is nobody's, wherever
    found |= {403} if getattr(view, "for_whom", "") == "operators" or method != "GET" else set()
    found |= {404} if rule.arguments else set()
    found |= {409} if known.once or method != "GET" else set()
    found |= {413, 415} if known.body or known.form else set()
    found |= {422} if known.body or known.form or known.query or known.once else set()
    found |= {429} if hasattr(view, "limit_mark") else set()
    return found


def retry_later(status: int) -> dict[str, Any]:
    if status not in (429, 503):
        return {}
    seconds = {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}}
    return {"headers": {"Retry-After": seconds}}
