"""The tree of a YAML text from anywhere: small, without what makes YAML dangerous.

Only the tree is made: nothing that a text says becomes an object by itself.
"""

from typing import Any

import yaml
from yaml.nodes import Node
from yaml.reader import ReaderError

LARGEST_BYTES = 256 * 1024
DEEPEST = 6  # the file, its tiers, a tier, a limit, a number, and one to be told of a mistake


class Unreadable(Exception):
    """A file that cannot be applied; ``problems`` are sentences, each with its line."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def text_of(content: bytes) -> str:
    if len(content) > LARGEST_BYTES:
        raise Unreadable(f"The file is larger than {LARGEST_BYTES // 1024} kB.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Unreadable(f"line {line}: This is not UTF-8 text.") from None
    if not text.strip():
        raise Unreadable("The file is empty.")
    return text


def root_of(content: bytes) -> Node | None:
    """The tree of a file; None when it has only comments. Raises Unreadable."""
    text = text_of(content)
    try:
        root: Node | None = yaml.compose(text, Loader=Tree)
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise Unreadable(f"line {line}: There is a character that no text has.") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}: " if mark else ""
        why = str(error.problem or error.context).removeprefix("but ")
        raise Unreadable(f"{place}This is not YAML: {why}.") from None
    return root


class Tree(yaml.SafeLoader):
    """What YAML shares with plain lists: no anchors, no aliases, no tags, and never deep.

    So a small file cannot stand for a large one.
    """

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            raise Unreadable(f"line {line}: Write it out: & and * are not used in this file.")
        if event.tag:
            raise Unreadable(f"line {line}: Leave out the tag: ! is not used in this file.")
        if self.depth >= DEEPEST:
            raise Unreadable(f"line {line}: This is deeper than a limit of a tier is.")
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def line_of(node: Any) -> int:
    return int(node.start_mark.line) + 1
