"""Tiers and their limits as a YAML file: written to be read, read with every problem named."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from app.audit.trail import printable
from app.forms import sentence_of
from app.tiers.models import Tier
from app.tiers.plain_yaml import line_of, root_of
from app.tiers.routes import name_of
from app.tiers.rules import Count, Period, TierName
from app.words import split_period

NEEDED, OPTIONAL = ("route", "limit", "period"), ("observed",)
HEADER = """\
# Tiers and their limits.
#
# See what this file would change, then change it:
#     flask limits import FILE
#     flask limits import FILE --apply
#
# A tier that is named here gets exactly these limits: what is not listed is removed.
# Tiers that are not named here are left alone, unless --prune is given.
# Add "observed: true" to a limit that shall only count and refuse nothing.

"""


@dataclass(frozen=True)
class WrittenLimit:
    """A limit as a file has it, and on which line; a number that cannot be read is None."""

    line: int
    route: str
    limit: Any
    period: Any
    observed: bool


@dataclass(frozen=True)
class WrittenTier:
    line: int
    name: str
    limits: tuple[WrittenLimit, ...]


@dataclass(frozen=True)
class Draft:
    """What a file says as far as it can be read, and what is wrong with it, by lines."""

    tiers: list[WrittenTier]
    problems: list[tuple[int, str]]


def write(tiers: Sequence[Tier]) -> str:
    """The file that says what these tiers allow; the same for the same limits."""
    named = sorted(tiers, key=lambda tier: (tier.name.lower(), tier.name))
    content = {"tiers": {tier.name: rows_of(tier) for tier in named}}
    return HEADER + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000)


def rows_of(tier: Tier) -> list[dict[str, Any]]:
    rows = [
        {
            "route": name_of(limit.route),
            "limit": limit.limit,
            "period": in_units(limit.period),
            **({"observed": True} if limit.observed else {}),
        }
        for limit in tier.limits
    ]
    return sorted(rows, key=lambda row: str(row["route"]))


def in_units(seconds: int) -> str:
    """Say "1 hour", "90 minutes", without commas."""
    times, unit = split_period(seconds)
    return f"{times} {unit}" if times == 1 else f"{times} {unit}s"


def read(content: bytes) -> Draft:
    """The tiers of a file, in its order. Raises Unreadable when it is not such a file at all."""
    root, reader = root_of(content), Reader()
    return Draft(reader.tiers(root), reader.problems)


class Reader:
    """Goes through a file, and notes whatever is wrong on the way."""

    def __init__(self) -> None:
        self.problems: list[tuple[int, str]] = []

    def says(self, line: int, *words: str) -> None:
        sentence = ": ".join((f"line {line}", *filter(None, words)))
        self.problems.append((line, printable(sentence, 300)))

    def tiers(self, root: Node | None) -> list[WrittenTier]:
        top = self.known(root, "", ("tiers",)) if isinstance(root, MappingNode) else {}
        if not top:
            self.says(1, "Begin with “tiers:”, and name each tier under it.")
            return []
        found: dict[str, WrittenTier] = {}
        if not isinstance(top["tiers"], MappingNode):
            form = "Name each tier under “tiers:”, or write {} when there is none."
            self.says(line_of(top["tiers"]), form)
            return []
        for line, text, value in self.pairs(top["tiers"], ""):
            name = self.followed(TierName, text, line, repr(text))
            tier = WrittenTier(line, name or text, tuple(self.limits(value, name or text)))
            if found.setdefault(tier.name, tier) is not tier:
                self.says(line, tier.name, f"It is on line {found[tier.name].line} already.")
        return list(found.values())

    def limits(self, node: Node, tier: str) -> Iterator[WrittenLimit]:
        if not isinstance(node, SequenceNode):
            form = "Write a list of limits, each after a “-”; [] when it has none."
            self.says(line_of(node), tier, form)
            return
        for each in node.value:
            limit = self.limit(each, tier)
            if limit:
                yield limit

    def limit(self, node: Node, tier: str) -> WrittenLimit | None:
        if not isinstance(node, MappingNode):
            self.says(line_of(node), tier, "Write a limit as route, limit and period.")
            return None
        fields = self.known(node, tier, (*NEEDED, *OPTIONAL))
        for name in NEEDED:
            if name not in fields:
                self.says(line_of(node), tier, f"The limit has no “{name}”.")
        if "route" not in fields:
            return None
        route = " ".join(self.text(fields["route"], tier, "route").split())
        place = f"{tier}: {route}"
        return WrittenLimit(
            line_of(fields["route"]),
            route,
            self.number(Count, fields.get("limit"), place, "limit"),
            self.number(Period, fields.get("period"), place, "period"),
            self.observed(fields.get("observed"), place),
        )

    def number(self, rule: Any, node: Node | None, place: str, name: str) -> Any:
        if not isinstance(node, ScalarNode):
            return self.text(node, place, name) if node else None
        return self.followed(rule, node.value, line_of(node), f"{place}: {name}")

    def observed(self, node: Node | None, place: str) -> bool:
        word = str(node.value).lower() if node else "false"
        if word not in ("true", "false"):
            self.says(line_of(node), place, "observed: Write true or false.")
        return word == "true"

    def followed(self, rule: Any, text: str, line: int, place: str) -> Any:
        """``text`` as ``rule`` reads it; None, and a note, when it refuses."""
        try:
            return TypeAdapter(rule).validate_python(text)
        except ValidationError as error:
            self.says(line, place, f"{sentence_of(error)}.")
            return None

    def text(self, node: Node, tier: str, name: str) -> str:
        if not isinstance(node, ScalarNode):
            self.says(line_of(node), tier, f"{name}: Write one value.")
            return ""
        return str(node.value)

    def known(self, node: MappingNode, place: str, names: tuple[str, ...]) -> dict[str, Node]:
        """The entries of a mapping that may have these ``names`` only."""
        found: dict[str, tuple[int, Node]] = {}
        for line, name, value in self.pairs(node, place):
            if name not in names:
                near = difflib.get_close_matches(name, names, n=1) or names
                self.says(line, place, f"{name!r} means nothing here. Write {', '.join(near)}.")
            elif name in found:
                self.says(line, place, f"“{name}” is on line {found[name][0]} already.")
            else:
                found[name] = (line, value)
        return {name: value for name, (_, value) in found.items()}

    def pairs(self, node: MappingNode, place: str) -> Iterator[tuple[int, str, Node]]:
        """Each line, name and value of a mapping."""
        for key, value in node.value:
            if isinstance(key, ScalarNode):
                yield line_of(key), key.value, value
            else:
                self.says(line_of(key), place, "A name is one value, not a list.")
