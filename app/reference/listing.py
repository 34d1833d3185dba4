"""Every door of the API with who may call it, and where the reader stands at the limited ones."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from inspect import cleandoc
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from app.openapi import for_whom, path_of, published, tags
from app.tiers.limits import Caller, Standing, standings
from app.tiers.routes import buckets

WHO = {"anybody": "Everybody", "signed in": "Signed in", "operators": "Operators"}


@dataclass(frozen=True)
class Door:
    """One call, as the page shows it."""

    method: str
    path: str
    summary: str
    who: str
    standing: Standing | None
    is_throttled: bool


@dataclass(frozen=True)
class Group:
    """The calls of one tag."""

    name: str
    text: str
    doors: list[Door] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        return self.name.lower().replace(" ", "-")


def groups(app: Flask, caller: Caller) -> list[Group]:
    """What the document has, in its order. Asking costs no quota."""
    doors = [each for each in published(app) if not each[0].rule.endswith("/")]  # the same again
    known = {tag["name"]: Group(tag["name"], tag["description"]) for tag in told(doors)}
    stands = {each.route.key: each for each in standings(caller)}
    for rule, method, view in doors:
        known[view.operation.tag].doors.append(door(rule, method, view, stands))
    return list(known.values())


def told(doors: list[Any]) -> Iterator[dict[str, str]]:
    return tags([view for *_, view in doors])


def door(rule: Rule, method: str, view: Any, stands: dict[str, Standing]) -> Door:
    summary = " ".join(cleandoc(view.__doc__ or "").partition("\n\n")[0].split())
    bucket = buckets().get(rule.endpoint)
    return Door(
        method,
        path_of(rule),
        summary.replace("`", ""),
        WHO[for_whom(view)],
        stands[bucket.key] if bucket else None,
        429 in view.operation.errors,
    )
