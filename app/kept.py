"""What was made once, kept for a while by name and version, and made by one of many who ask.

    posts = kept("posts/of/7", version, lambda: read_posts(7))

    {% call kept("tiers/compare", version) %}<table>…</table>{% endcall %}

Whoever asks with another version gets what is made anew. Not for what belongs to one person, unless
the name says whose it is.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Flask, current_app, g
from markupsafe import Markup

from app.extensions import cache
from app.replica import at_the_source
from app.versions import Away, asked

LONGEST = 100_000  # characters or bytes: nobody fills the memory with what is asked for once
LEASE = 10  # seconds that whoever makes something may let others wait, at most
PATIENCE = 3.0  # seconds that the others do wait
FREE = "free"  # instead of a lease: what was made cannot be kept, so waiting for it is no use
FREE_FOR = 1  # second

T = TypeVar("T")


@dataclass
class Place:
    """Where something is kept: under ``key``, good for whoever asks with the same ``stamp``."""

    key: str
    stamp: str
    seconds: int
    entry: Any = None  # where it was looked up already
    is_mine: bool = False
    is_kept: bool = False

    @property
    def lease(self) -> str:
        return f"{self.key}:{self.stamp}:made"

    def found(self, entry: Any = None) -> Any:
        """What is kept here, or None. Raises Away."""
        entry = entry or asked(lambda: cache.get(self.key))
        return entry[1] if entry and entry[0] == self.stamp else None

    def awaited(self) -> Any:
        """What somebody else makes meanwhile; None when it is to be made here. Raises Away."""
        until, pause = time.monotonic() + PATIENCE, 0.005
        while not self.is_left_to_me():
            if time.monotonic() > until:
                return None
            time.sleep(pause)
            pause = min(pause * 1.5, 0.1)
            if kept := self.found():
                return kept
        return self.found() if self.is_mine else None

    def is_left_to_me(self) -> bool:
        """Whether to make it here: the others wait, or nobody has to."""
        ends = time.time() + LEASE
        self.is_mine = bool(asked(lambda: cache.add(self.lease, ends, timeout=LEASE)))
        if self.is_mine:
            return True
        held = asked(lambda: cache.get(self.lease))
        # One that nobody timed, since its maker died between two words to Redis, ends all the same.
        return held == FREE or (held is not None and held < time.time())

    def keep(self, plain: Any) -> None:
        try:
            asked(lambda: cache.set(self.key, (self.stamp, plain), timeout=self.seconds))
            self.is_kept = True
        except Away:
            pass

    def leave(self) -> None:
        """Let the others go on."""
        if not self.is_mine:
            return
        try:
            if self.is_kept:
                asked(lambda: cache.delete(self.lease))
            else:
                asked(lambda: cache.set(self.lease, FREE, timeout=FREE_FOR))
        except Away:
            pass


def once(place: Place, make: Callable[[], tuple[T, Any]], read: Callable[[Any], T]) -> T:
    """What ``read`` makes of what is kept, else what ``make`` gives: that, and what to keep of it,
    or None. Of many who ask at once one makes it; without the cache each does.
    """
    try:
        try:
            kept = place.found(place.entry) or place.awaited()
        except Away:
            return make()[0]
        if kept is not None:
            place.is_kept = True
            return read(kept)
        with at_the_source():
            made, plain = make()
        if plain is not None:
            place.keep(plain)
        return made
    finally:
        place.leave()


def kept(name: str, version: object, make: Callable[[], Any], seconds: int = 60) -> Any:
    """What ``make`` gave under this name and version, or gives now: JSON values. None is no
    version: then it is made each time.
    """
    if version is None:
        return make()

    def made() -> tuple[Any, str | None]:
        value = make()
        text = json.dumps(value, ensure_ascii=False)
        return value, None if len(text) > LONGEST or has_token(text) else text

    return once(Place(f"kept:{{{name}}}", str(version), seconds), made, json.loads)


def has_token(text: str) -> bool:
    """Whether the CSRF token of this request is in it."""
    token = g.get(current_app.config["WTF_CSRF_FIELD_NAME"])
    return bool(token) and token in text


def kept_part(name: str, version: object, seconds: int = 60, *, caller: Any) -> Markup:
    """A part of a page, drawn once for each version: what it shows is read only when it is drawn,
    if it is asked for inside of it.
    """
    return Markup(kept(name, version, lambda: str(caller()), seconds))  # noqa: S704 (drawn by Jinja)


def init_app(app: Flask) -> None:
    app.jinja_env.globals["kept"] = kept_part
