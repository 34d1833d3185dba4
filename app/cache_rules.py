"""Under which names answers are kept, and which names a change makes invalid (app/cached.py)."""

import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import quote

import structlog
from flask import Flask

PATTERNS: set[str] = set()  # all that any view makes invalid

log = structlog.get_logger()


@dataclass(frozen=True)
class Rule:
    """How a view is remembered, and what it makes invalid."""

    prefix: str
    resource: str | None
    seconds: int
    shared: bool
    extra: tuple[tuple[str, str | None], ...]
    patterns: tuple[str, ...]

    def name(self, values: Mapping[str, Any]) -> str:
        return filled(self.prefix, self.resource, values)

    def makes_invalid(self, values: Mapping[str, Any]) -> list[str]:
        extra = [filled(prefix, resource, values) for prefix, resource in self.extra]
        return [self.name(values), *extra, *(fill(each, values) for each in self.patterns)]


def filled(prefix: str, resource: str | None, values: Mapping[str, Any]) -> str:
    name = fill(prefix, values)
    return f"{name}:{safe(values[resource])}" if resource else name


def fill(text: str, values: Mapping[str, Any]) -> str:
    return text.format_map({name: safe(value) for name, value in values.items()})


def safe(value: Any) -> str:
    """As a part of a name: with no sign that has a meaning there."""
    return quote(str(value), safe="")


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def init_app(app: Flask) -> None:
    """Warn of what makes nothing invalid. Last, when all doors are there. Raises ValueError for a
    name with a part that the address has not.
    """
    rules = list(ruled(app))
    kept = {in_words(rule.prefix, rule.resource) for rule, methods in rules if "GET" in methods}
    for rule, _ in rules:
        exact = {in_words(*each) for each in rule.extra} - kept
        begun = {each for each in rule.patterns if not any(fnmatchcase(one, each) for one in kept)}
        for name in sorted(exact | begun):
            log.warning("cache.nothing_is_called_so", name=name)


def ruled(app: Flask) -> Iterator[tuple[Rule, set[str]]]:
    """Every rule and the methods of its door."""
    for door in app.url_map.iter_rules():
        rule = getattr(app.view_functions[door.endpoint], "cache_rule", None)
        if rule is None:
            continue
        needed = {each for text in (rule.prefix, *rule.patterns) for each in fields(text)}
        if missing := (needed | ({rule.resource} if rule.resource else set())) - door.arguments:
            raise ValueError(f"{door} has no {', '.join(sorted(missing))} to be cached by.")
        yield rule, door.methods or set()


def in_words(prefix: str, resource: str | None) -> str:
    return f"{prefix}:{{{resource}}}" if resource else prefix
