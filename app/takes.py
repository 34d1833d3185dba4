"""What a door of the API takes, for the published document: in its address, headers and body."""

import re
from typing import Any

from pydantic import TypeAdapter
from werkzeug.routing import Rule

from app.operations import LONGEST_KEY, Operation

REFERENCE = "#/components/schemas/{model}"
TEXT = {"type": "string", "minLength": 1}
STRING = {"type": "string"}
KEY = {"type": "string", "maxLength": LONGEST_KEY, "pattern": "^[!-~]([ -~]*[!-~])?$"}
HEADERS = {
    "Idempotency-Key": "A text of your own: the same one gives the same answer for a day.",
    "If-Match": "The ETag that you read: 412 if it was changed since.",
    "If-None-Match": "The ETag that you have: 304 if nothing changed.",
}

SCHEMAS = {"Idempotency-Key": KEY, "If-Match": STRING, "If-None-Match": STRING}


def in_path(rule: Rule) -> list[dict[str, Any]]:
    found = re.findall(r"<(?:([^:<>(]+)(\([^)]*\))?:)?([^<>]+)>", rule.rule)
    return [
        {"name": name, "in": "path", "required": True, "schema": in_address(kind, bounds)}
        for kind, bounds, name in found
    ]


def in_address(kind: str, bounds: str) -> dict[str, Any]:
    if kind != "int":
        return TEXT
    known = {f"{name}imum": int(value) for name, value in re.findall(r"(min|max)=(\d+)", bounds)}
    return {"type": "integer", "minimum": 0, **known}


def in_query(known: Operation) -> list[dict[str, Any]]:
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
    schema = dict(schema)
    said = schema.pop("description", "")
    return {"schema": schema, **({"description": said} if said else {})}


def in_headers(known: Operation, method: str) -> list[dict[str, Any]]:
    names = ["Idempotency-Key"] if known.once or known.keyed else []
    names += ["If-Match"] if 412 in known.errors else []
    names += ["If-None-Match"] if method == "GET" else []
    return [
        {"name": name, "in": "header", "description": HEADERS[name], "schema": SCHEMAS[name]}
        for name in names
    ]


def body_of(known: Operation, refs: dict[Any, Any]) -> dict[str, Any]:
    if known.form:
        return {"application/x-www-form-urlencoded": {"schema": refs[known.form]}}
    if known.body is None:
        return {}
    sent = known.examples.get("body")
    example = {"examples": {"usual": {"value": sent}}} if sent is not None else {}
    return {"application/json": {"schema": refs[known.body], **example}}
