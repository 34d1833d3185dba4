"""Counts per window of the clock, on Redis or in this process, exact across processes."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol

import redis
import structlog
from flask import Flask, current_app

log = structlog.get_logger()

RETRY_REDIS_SECONDS = 5.0
# A count outlives its window, because the clocks of two machines may differ this much.
SKEW_SECONDS = 60
SWEEP_SECONDS = 60
PREFIX = "gatehouse:count:"
# Looks and counts in one step, so that two callers cannot both take the last place.
TAKE = """
local used = tonumber(redis.call('get', KEYS[1]) or '0')
local count = used + tonumber(ARGV[3])
if count <= tonumber(ARGV[1]) then
    redis.call('incrby', KEYS[1], ARGV[3])
    redis.call('expire', KEYS[1], ARGV[2])
end
return count
"""


@dataclass(frozen=True)
class Window:
    """The stretch of the clock that counts now: ``start <= now < end``, in Unix seconds."""

    start: int
    end: int

    @classmethod
    def at(cls, moment: float, period: int) -> "Window":
        """The window of ``period`` seconds around ``moment``; an hour starts on the hour (UTC)."""
        start = int(moment // period) * period
        return cls(start, start + period)


class Counters:
    """One number per key and window.

    When Redis is away each process counts for itself, so a limit stays a limit; Redis is asked
    again every few seconds.
    """

    def init_app(self, app: Flask) -> None:
        uri, options = app.config["RATELIMIT_STORAGE_URI"], app.config["RATELIMIT_STORAGE_OPTIONS"]
        shared = OwnCounts() if uri.startswith("memory:") else RedisCounts(uri, options)
        app.extensions["counters"] = Store(shared)

    @property
    def _store(self) -> "Store":
        store: Store = current_app.extensions["counters"]
        return store

    @property
    def is_shared(self) -> bool:
        """False while Redis is away and this process counts alone."""
        return not self._store.is_away

    @property
    def is_lone(self) -> bool:
        """Whether each process has counts of its own, because no Redis was given for them."""
        return self._store.is_lone

    def now(self) -> float:
        """The time by which windows are chosen, in Unix seconds."""
        return self._store.clock()

    def take(self, key: str, window: Window, limit: int, cost: int = 1) -> int:
        """Count one call, in one round trip, and return the count with it.

        A call past ``limit`` is not counted: being refused costs nothing, also once the limit
        is raised.
        """
        lifetime = window.end - int(self.now()) + SKEW_SECONDS
        name = f"{key}/{window.start}"
        return self._store.ask(lambda counts: counts.take(name, limit, lifetime, cost))

    def read(self, key: str, window: Window) -> int:
        """The count so far; asking costs nothing."""
        return self._store.ask(lambda counts: counts.read(f"{key}/{window.start}"))

    def clear(self, key: str, window: Window) -> None:
        self._store.ask(lambda counts: counts.clear(f"{key}/{window.start}"))

    def check(self) -> bool:
        """Whether the storage answers now."""
        return self._store.check()


class Counts(Protocol):
    """Numbers by key, each forgotten after ``lifetime`` seconds."""

    def take(self, key: str, limit: int, lifetime: int, cost: int = 1) -> int: ...
    def read(self, key: str) -> int: ...
    def clear(self, key: str) -> int: ...
    def reset(self) -> None: ...
    def ping(self) -> bool: ...


class OwnCounts:
    """The counts of this process alone, exact across its threads."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, float]] = {}
        self._lock = Lock()
        self._sweep_at = 0.0

    def take(self, key: str, limit: int, lifetime: int, cost: int = 1) -> int:
        moment = time.monotonic()
        with self._lock:
            self._sweep(moment)
            used, _ = self._counts.get(key, (0, 0.0))
            if used + cost <= limit:
                self._counts[key] = (used + cost, moment + lifetime)
            return used + cost

    def read(self, key: str) -> int:
        with self._lock:
            return self._counts.get(key, (0, 0.0))[0]

    def clear(self, key: str) -> int:
        with self._lock:
            return self._counts.pop(key, (0, 0.0))[0]

    def reset(self) -> None:
        with self._lock:
            self._counts.clear()

    def ping(self) -> bool:
        return True

    def _sweep(self, moment: float) -> None:
        # Nobody asks for the count of a window that is over: this is only about memory.
        if moment >= self._sweep_at:
            self._sweep_at = moment + SWEEP_SECONDS
            kept = {key: value for key, value in self._counts.items() if value[1] > moment}
            self._counts = kept


class RedisCounts:
    """The counts of all processes together."""

    def __init__(self, uri: str, options: dict[str, Any]) -> None:
        self._redis = redis.Redis.from_url(uri, **options)
        self._take = self._redis.register_script(TAKE)

    def take(self, key: str, limit: int, lifetime: int, cost: int = 1) -> int:
        return int(self._take(keys=[PREFIX + key], args=[limit, lifetime, cost]))

    def read(self, key: str) -> int:
        return int(self._redis.get(PREFIX + key) or 0)  # type: ignore[arg-type]

    def clear(self, key: str) -> int:
        return int(self._redis.delete(PREFIX + key))  # type: ignore[arg-type]

    def reset(self) -> None:
        for key in self._redis.scan_iter(f"{PREFIX}*", count=1000):
            self._redis.delete(key)

    def ping(self) -> bool:
        return bool(self._redis.ping())


class Store:
    """The shared counts, or this process's own while those cannot be reached.

    ``clock`` tells Unix seconds, ``retry_seconds`` how long a storage that failed is left alone;
    a test may set its own.
    """

    def __init__(self, shared: Counts) -> None:
        self.clock: Callable[[], float] = time.time
        self.retry_seconds = RETRY_REDIS_SECONDS
        self._shared = shared
        self._own = OwnCounts()
        self._ask_again_at = 0.0
        self._lock = Lock()

    @property
    def is_away(self) -> bool:
        return self._ask_again_at > 0

    @property
    def is_lone(self) -> bool:
        return isinstance(self._shared, OwnCounts)

    def check(self) -> bool:
        try:
            return self._shared.ping()
        except (redis.RedisError, OSError):
            return False

    def reset(self) -> None:
        """Forget every count, here and in the storage."""
        self._own.reset()
        self._shared.reset()
        self._ask_again_at = 0.0

    def ask(self, question: Callable[[Counts], int]) -> int:
        if time.monotonic() < self._ask_again_at:
            return question(self._own)
        try:
            answer = question(self._shared)
        except (redis.RedisError, OSError) as error:
            self._step_aside(error)
            return question(self._own)
        self._come_back()
        return answer

    def _step_aside(self, error: Exception) -> None:
        with self._lock:
            if not self.is_away:
                log.warning("limits.storage_away", error=type(error).__name__)
            self._ask_again_at = time.monotonic() + self.retry_seconds

    def _come_back(self) -> None:
        with self._lock:
            if self.is_away:
                self._ask_again_at = 0.0
                log.info("limits.storage_back")
