"""What cached answers are called, and by which names a change reaches them.

A name is a group and perhaps one thing in it: of ``key_prefix="{username}_posts:page_{page}"`` the
group is ``{username}_posts``. Each group and each thing has a version; an answer is good for the
versions of its group and of its thing, so a change moves either, and never looks for keys.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from string import Formatter
from typing import Any
from urllib.parse import quote

import structlog
from flask import Flask
from werkzeug.routing import Rule

READS = {"GET", "HEAD", "OPTIONS"}

Groups = Mapping[str, bool]  # what answers are kept under, and whether things in it are kept apart

log = structlog.get_logger()


@dataclass(frozen=True)
class Names:
    """What one view reads under, and what its changes reach, in words with {arguments}."""

    prefix: str
    id_name: str | None
    extra: Mapping[str, str]
    patterns: tuple[str, ...]

    def __post_init__(self) -> None:
        for pattern in self.patterns:
            if pattern.find("*") != len(pattern) - 1 or len(pattern) == 1:
                raise ValueError(f"A pattern ends with its only *, after a name: {pattern!r}")

    @property
    def group(self) -> str:
        return group_of(self.prefix)

    def place(self, values: Mapping[str, Any]) -> str:
        return of_group(self.group, values)

    def of_reading(self, values: Mapping[str, Any]) -> list[str]:
        """The versions that an answer depends on."""
        whole = of_group(self.group, values)
        return [whole, of_thing(self.group, self.id_name, values)] if self.id_name else [whole]

    def of_change(self, values: Mapping[str, Any], known: Groups) -> set[str]:
        """The versions that a change takes away, of the groups that anybody reads under."""
        named = {of_thing(*each, values) for each in self.things(known)}
        return named | {of_group(group, values) for group in self.wholes(known)}

    def things(self, known: Groups) -> list[tuple[str, str]]:
        """``(group, id)`` of each thing that is named, where things are read by themselves."""
        return [(group, name) for group, name in self.named if name and has_things(group, known)]

    def wholes(self, known: Groups) -> list[str]:
        named = [group for group, name in self.named if not name or not has_things(group, known)]
        return [*named, *(group for each in self.patterns for group in reached(each, known))]

    @property
    def named(self) -> list[tuple[str, str | None]]:
        extra = ((group_of(prefix), name) for prefix, name in self.extra.items())
        return [(self.group, self.id_name), *extra]


def check(app: Flask) -> None:
    """Say in the log which change reaches nothing that anybody keeps.

    Raises ValueError for a name that has an argument which its address does not give.
    """
    known = app.extensions["cache_groups"] = groups_of(app)
    for rule, names, _ in doors(app):
        missing = names_needed(names, rule.methods or set(), known) - rule.arguments
        if missing:
            raise ValueError(f"@cached of {rule.endpoint} names {sorted(missing)}: not in {rule}")
        if (rule.methods or set()) - READS:
            warn_of_nothing(rule.endpoint, names, known)


def groups_of(app: Flask) -> Groups:
    known: dict[str, bool] = {}
    for rule, names, by_stamp in doors(app):
        if "GET" in (rule.methods or ()) and not by_stamp:
            known[names.group] = known.get(names.group, False) or names.id_name is not None
    return known


def doors(app: Flask) -> Iterator[tuple[Rule, Names, bool]]:
    for rule in app.url_map.iter_rules():
        known = getattr(app.view_functions[rule.endpoint], "cached", None)
        if known:
            yield rule, known.names, known.version is not None


def names_needed(names: Names, methods: Set[str], known: Groups) -> set[str]:
    """The arguments that an address has to give."""
    if not methods - READS:
        return fields([names.group, braced(names.id_name or "")])
    things = [text for group, name in names.things(known) for text in (group, braced(name))]
    return fields([*things, *names.wholes(known)])


def warn_of_nothing(endpoint: str, names: Names, known: Groups) -> None:
    shapes = {shape(group) for group in known}
    lost = [group for group, _ in names.named if shape(group) not in shapes]
    lost += [each for each in names.patterns if not reaches(each, shapes, known)]
    for name in lost:
        log.warning("cache.reaches_nothing", door=endpoint, name=name)


def reaches(pattern: str, shapes: set[str], known: Groups) -> bool:
    return any(shape(group) in shapes for group in reached(pattern, known))


def has_things(group: str, known: Groups) -> bool:
    return any(has for each, has in known.items() if shape(each) == shape(group))


def reached(pattern: str, known: Groups) -> list[str]:
    """The groups of a pattern: its own, or each that begins so."""
    group, colon, _ = pattern.removesuffix("*").partition(":")
    return [group] if colon else [each for each in known if each.startswith(group)]


def shape(group: str) -> str:
    """Arguments may be called differently at two doors."""
    return re.sub(r"\{\w*\}", "{}", group)


def group_of(prefix: str) -> str:
    return prefix.partition(":")[0]


def braced(name: str) -> str:
    return name if "{" in name or not name else f"{{{name}}}"


def fields(texts: Iterable[str]) -> set[str]:
    return {name for text in texts for _, name, _, _ in Formatter().parse(text) if name}


def filled(text: str, values: Mapping[str, Any]) -> str:
    """``text`` with its arguments in place; what a stranger puts into an address stays one word."""
    return text.format_map({name: quote(str(value), safe="") for name, value in values.items()})


def of_group(group: str, values: Mapping[str, Any]) -> str:
    # In braces: all that is read at once is on one machine of a Redis Cluster.
    return f"cached:{{{filled(group, values)}}}"


def of_thing(group: str, name: str, values: Mapping[str, Any]) -> str:
    return f"{of_group(group, values)}:{filled(braced(name), values)}"
