"""Versions of what is kept in the cache. A new version, and everything kept under the old one is
never asked for again: nothing is searched for, nothing deleted, and it runs out by itself.

A version is random, so that one which the cache lost never comes back with old things under it.
"""

import json
import secrets
import threading
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import structlog

from app.extensions import cache

SECONDS = 7 * 86_400  # longer than anything is kept under it
MOST_OWED = 1000
LONGEST = 100_000  # characters: nobody fills the memory with what is asked for once

Found = TypeVar("Found")
log = structlog.get_logger()


class Debts:
    """Names whose version could not be changed while the cache was away; thread-safe."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._lock = threading.Lock()

    def add(self, names: Iterable[str]) -> None:
        with self._lock:
            self._names.update(names)
            while len(self._names) > MOST_OWED:
                self._names.pop()

    def take(self) -> set[str]:
        with self._lock:
            names, self._names = self._names, set()
        return names

    def __bool__(self) -> bool:
        return bool(self._names)


OWED = Debts()


def or_without(act: Callable[[], Found], otherwise: Found) -> Found:
    """What the cache says; ``otherwise`` while it is away: slower, not broken."""
    try:
        return act()
    except Exception as error:
        log.warning("cache.away", error=type(error).__name__)
        return otherwise


def remembered(name: str, version: str | None, read: Callable[[], Any], seconds: int = 60) -> Any:
    """What ``read`` says, or said under the same name and version: plain JSON values, or the HTML
    of a fragment. Without a version, or while the cache is away, it is read each time.

    The version is what changes with the thing itself, such as a stamp that is stored beside it.
    """
    if version is None:
        return read()
    key = f"{name}/{version}"
    if kept := or_without(lambda: cache.get(key), None):
        return json.loads(kept)
    value = read()
    text = json.dumps(value, ensure_ascii=False)
    if len(text) <= LONGEST:
        or_without(lambda: cache.set(key, text, timeout=seconds), None)
    return value


def current(names: list[str]) -> list[str] | None:
    """The versions of these names, made up where there are none; None while the cache is away."""
    if OWED:
        renew([])
    return or_without(lambda: _current(names), None)


def _current(names: list[str]) -> list[str]:
    keys = [f"version/{name}" for name in names]
    found: list[str | None] = cache.get_many(*keys)
    return [version or _first(key) for key, version in zip(keys, found, strict=True)]


def _first(key: str) -> str:
    mine = secrets.token_hex(8)
    if cache.add(key, mine, timeout=SECONDS):
        return mine
    return str(cache.get(key) or mine)


def renew(names: Iterable[str]) -> None:
    """What is kept under these names is not valid any more; also what was owed. While the cache is
    away it is owed: this process pays before it reads again, others wait until it runs out.
    """
    meant = {*names, *OWED.take()}
    if not or_without(lambda: _renew(meant), False):
        OWED.add(meant)


def _renew(names: set[str]) -> bool:
    fresh: dict[str, Any] = {f"version/{name}": secrets.token_hex(8) for name in names}
    if fresh:
        cache.set_many(fresh, timeout=SECONDS)
    return True
