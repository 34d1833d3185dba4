"""Versions in the cache: a change takes the version away, and the next look begins another.

A version is a random word, so what was kept under an older one is never matched again: after a
change, after the cache threw the version out, after somebody emptied the whole of it. Nobody looks
for keys, and nobody deletes what was kept; it runs out.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import structlog
from flask import Flask, current_app

from app.extensions import cache

LIFE = 86_400  # seconds, longer than anything is kept: names that strangers make up do not stay
PAUSE = 1.0  # seconds without the cache after it failed, so that a dead one costs little

log = structlog.get_logger()


class Away(Exception):
    """The cache cannot be asked now: do without it."""


@dataclass
class Reach:
    """How this process stands with the cache, and which versions it could not take away yet."""

    away_until: float = 0.0
    owed: set[str] = field(default_factory=set)


def init_app(app: Flask) -> None:
    app.extensions["cache_reach"] = Reach()


def reach() -> Reach:
    found: Reach = current_app.extensions["cache_reach"]
    return found


def asked(act: Callable[[], Any], now: bool = False) -> Any:
    """What ``act`` has of the cache; what has to be done ``now`` is tried although it just failed.
    Raises Away: slower, not broken.
    """
    mine = reach()
    if time.monotonic() < mine.away_until and not now:
        raise Away
    try:
        settle(mine)
        return act()
    except Exception as error:
        mine.away_until = time.monotonic() + PAUSE
        log.warning("cache.away", error=type(error).__name__)
        raise Away from None


def settle(mine: Reach) -> None:
    """Take away what could not be taken away before: until then nothing is read here."""
    for name in tuple(mine.owed):
        cache.delete(name)
        mine.owed.discard(name)


def current(names: list[str], *keys: str) -> tuple[list[str], list[Any]]:
    """The version of each name, and what is under the keys, in one trip. Raises Away.

    To be asked before anything is read that is kept under the versions: what changes meanwhile is
    then kept under one that nobody asks for.
    """
    found = asked(lambda: cache.get_many(*names, *keys))
    versions = [known or begun(name) for name, known in zip(names, found, strict=False)]
    return versions, found[len(names) :]


def begun(name: str) -> str:
    """A version for what has none; of several who begin it at once, all get that of the first."""
    fresh = uuid4().hex
    is_mine = asked(lambda: cache.add(name, fresh, timeout=LIFE))
    return fresh if is_mine else asked(lambda: cache.get(name)) or fresh


def take_away(names: Iterable[str]) -> None:
    """Let nothing be matched that was kept under these; call it after the commit.

    Where the cache is away it is made up for, before this process reads from it again.
    """
    wanted = set(names)
    try:
        asked(lambda: [cache.delete(name) for name in wanted], now=True)
    except Away:
        reach().owed |= wanted
