"""Where counts are kept: in this process alone, or in Redis for all processes together."""

import re
import time
from dataclasses import dataclass
from heapq import nsmallest
from threading import Lock
from typing import Any, NamedTuple, Protocol

from app.count_scripts import TAKE, TAKE_NOTED, TELL
from app.redis_servers import client_of

# A count outlives its window, because the clocks of two machines may differ this much.
SKEW_SECONDS = 60
SWEEP_SECONDS = 60
NOTES_SECONDS = 86400
# That one process keeps by itself, in about 50 MB.
MOST_COUNTS = 200_000
# Shorter than any window: a version that could not be told to Redis is known everywhere then.
VERSION_SECONDS = 10
# One hash tag: on a Redis Cluster a script may touch only keys that live together.
PREFIX = "{gatehouse}:count:"
NOTES = "{gatehouse}:used:"
VERSION = "{gatehouse}:policy"


class Outdated(Exception):
    """The policy by which a call was to be counted has changed; nothing was counted."""


@dataclass(frozen=True)
class Note:
    """What goes with a limited call. ``version`` is of the policy by which it is counted, None
    when it was just read; ``slice`` and ``who`` are where it is written down ("" for nowhere); one
    that is not ``enforced`` counts past its limit.
    """

    version: int | None
    slice: int
    who: str
    enforced: bool = True


class Used(NamedTuple):
    """What was written down of one caller in one slice: calls, refused ones, at the limit."""

    calls: int
    refused: int
    full: int


class Counts(Protocol):
    """Numbers by key, each forgotten after ``lifetime`` seconds.

    ``take`` counts a call that costs ``cost``, unless it would go past ``limit``, and returns what
    the count is or would be. With a ``note`` it may raise Outdated.
    """

    def take(
        self, key: str, limit: int, lifetime: int, cost: int = 1, note: Note | None = None
    ) -> int: ...
    def read(self, key: str) -> int: ...
    def clear(self, key: str) -> int: ...
    def notes(self, slices: list[int]) -> dict[int, dict[str, Used]]: ...
    def forget_notes(self, slice: int) -> None: ...
    def tell_version(self, version: int) -> None: ...
    def reset(self) -> None: ...
    def ping(self) -> bool: ...


class OwnCounts:
    """The counts of this process alone, exact across its threads."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, float]] = {}
        self._notes: dict[int, dict[str, Used]] = {}
        self._lock = Lock()
        self._sweep_at = 0.0

    def take(
        self, key: str, limit: int, lifetime: int, cost: int = 1, note: Note | None = None
    ) -> int:
        moment = time.monotonic()
        with self._lock:
            self._sweep(moment)
            used, _ = self._counts.get(key, (0, 0.0))
            count = used + cost
            if count <= limit or (note and not note.enforced):
                self._make_room()
                self._counts[key] = (count, moment + lifetime)
            if note and note.who:
                self._write(note, cost, count - limit)
            return count

    def _write(self, note: Note, cost: int, beyond: int) -> None:
        noted = self._notes.setdefault(note.slice, {})
        calls, refused, full = noted.get(note.who, Used(0, 0, 0))
        refused += cost if beyond > 0 else 0
        noted[note.who] = Used(calls + cost, refused, int(full or beyond >= 0))

    def read(self, key: str) -> int:
        with self._lock:
            return self._counts.get(key, (0, 0.0))[0]

    def clear(self, key: str) -> int:
        with self._lock:
            return self._counts.pop(key, (0, 0.0))[0]

    @property
    def oldest_note(self) -> int | None:
        """The first slice of which something is written down here."""
        return min(list(self._notes), default=None)

    def all_notes(self) -> dict[int, dict[str, Used]]:
        return self.notes(list(self._notes))

    def notes(self, slices: list[int]) -> dict[int, dict[str, Used]]:
        with self._lock:
            return {each: dict(noted) for each, noted in self._notes.items() if each in slices}

    def forget_notes(self, slice: int) -> None:
        with self._lock:
            self._notes.pop(slice, None)

    def tell_version(self, version: int) -> None:
        pass  # nobody else counts here

    def reset(self) -> None:
        with self._lock:
            self._counts.clear()
            self._notes.clear()

    def ping(self) -> bool:
        return True

    def _make_room(self) -> None:
        """Forget a tenth of too many counts, the least used first: whoever pretends to be many
        callers has many that called once.
        """
        if len(self._counts) >= MOST_COUNTS:
            for key in nsmallest(MOST_COUNTS // 10, self._counts, key=self._counts.__getitem__):
                del self._counts[key]

    def _sweep(self, moment: float) -> None:
        # Nobody asks for the count of a window that is over: this is only about memory.
        if moment >= self._sweep_at:
            self._sweep_at = moment + SWEEP_SECONDS
            kept = {key: value for key, value in self._counts.items() if value[1] > moment}
            self._counts = kept


class RedisCounts:
    """The counts of all processes together."""

    def __init__(self, uri: str, options: dict[str, Any]) -> None:
        text = {"decode_responses": True, "encoding_errors": "replace"}
        self._redis = client_of(uri, **text, **options)
        self._take = self._redis.register_script(TAKE)
        self._take_noted = self._redis.register_script(TAKE_NOTED)
        self._tell = self._redis.register_script(TELL)

    def take(
        self, key: str, limit: int, lifetime: int, cost: int = 1, note: Note | None = None
    ) -> int:
        if note is None:
            return int(self._take(keys=[PREFIX + key], args=[limit, cost, lifetime]))
        keys = [PREFIX + key, VERSION, f"{NOTES}{note.slice}"]
        version = "" if note.version is None else note.version
        more = [version, "1" if note.enforced else "", note.who, NOTES_SECONDS]
        count = int(self._take_noted(keys=keys, args=[limit, cost, lifetime, *more]))
        if count < 0:
            raise Outdated
        return count

    def read(self, key: str) -> int:
        return number(self._redis.get(PREFIX + key))

    def clear(self, key: str) -> int:
        return int(self._redis.delete(PREFIX + key))  # type: ignore[arg-type]

    def notes(self, slices: list[int]) -> dict[int, dict[str, Used]]:
        asked = self._redis.pipeline(transaction=False)
        for each in slices:
            asked.hgetall(f"{NOTES}{each}")
        return {
            each: by_caller(fields)
            for each, fields in zip(slices, asked.execute(raise_on_error=False), strict=True)
            if fields and isinstance(fields, dict)
        }

    def forget_notes(self, slice: int) -> None:
        self._redis.delete(f"{NOTES}{slice}")

    def tell_version(self, version: int) -> None:
        self._tell(keys=[VERSION], args=[version, VERSION_SECONDS])

    def reset(self) -> None:
        for prefix in (PREFIX, NOTES, VERSION):
            for key in self._redis.scan_iter(f"{prefix}*", count=1000):
                self._redis.delete(key)

    def ping(self) -> bool:
        return bool(self._redis.ping())


def by_caller(fields: dict[str, str]) -> dict[str, Used]:
    """The fields of one slice: "who|calls", "who|refused" and "who|full"."""
    callers = {name.rpartition("|")[0] for name in fields}
    return {
        who: Used(*(number(fields.get(f"{who}|{kind}")) for kind in Used._fields))
        for who in callers
    }


def number(text: Any) -> int:
    """What a count says; 0 for what is none."""
    return int(text) if re.fullmatch(r"[0-9]{1,15}", text or "") else 0
