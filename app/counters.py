"""Counts per window of the clock, on Redis or in this process, exact across processes."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import TypeVar

import redis
import structlog
from flask import Flask, current_app

from app.counts import SKEW_SECONDS, Counts, Note, OwnCounts, RedisCounts, Used
from app.redis_servers import redis_patience

log = structlog.get_logger()

T = TypeVar("T")

RETRY_REDIS_SECONDS = 5.0


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
        url = app.config["SETTINGS"].redis_rate_limit_url
        shared = RedisCounts(url, redis_patience(seconds=1)) if url else OwnCounts()
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

    def take(
        self, key: str, window: Window, limit: int, cost: int = 1, note: Note | None = None
    ) -> int:
        """Count one call, in one round trip, and return the count with it.

        A call past ``limit`` is not counted: being refused costs nothing, also once the limit
        is raised. Raises Outdated, and counts nothing, when ``note`` has an older version of the
        policy than Redis knows.
        """
        lifetime = window.end - int(self.now()) + SKEW_SECONDS
        key = f"{key}/{window.start}"
        return self._store.ask(lambda counts: counts.take(key, limit, lifetime, cost, note))

    def read(self, key: str, window: Window) -> int:
        """The count so far; asking costs nothing."""
        return self._store.ask(lambda counts: counts.read(f"{key}/{window.start}"))

    def clear(self, key: str, window: Window) -> None:
        self._store.ask(lambda counts: counts.clear(f"{key}/{window.start}"))

    @property
    def knows_versions(self) -> bool:
        """Whether ``take`` notices by itself that a policy is outdated."""
        return not self.is_lone and self.is_shared

    def tell_version(self, version: int) -> None:
        """Let every process know, by its next call, that the policy has this version."""
        self._store.ask(lambda counts: counts.tell_version(version))

    @property
    def own(self) -> OwnCounts:
        """What this process counts by itself: always, or while Redis is away."""
        return self._store.own

    def notes(self, slices: list[int]) -> dict[int, dict[str, Used]]:
        """What was written down in these slices, by all processes together if they can."""
        return self._store.ask(lambda counts: counts.notes(slices))

    def forget_notes(self, slice: int) -> None:
        self._store.ask(lambda counts: counts.forget_notes(slice))

    def check(self) -> bool:
        """Whether the storage answers now."""
        return self._store.check()


class Store:
    """The shared counts, or this process's own while those cannot be reached.

    ``clock`` tells Unix seconds, ``retry_seconds`` how long a storage that failed is left alone;
    a test may set its own.
    """

    def __init__(self, shared: Counts) -> None:
        self.clock: Callable[[], float] = time.time
        self.retry_seconds = RETRY_REDIS_SECONDS
        self._shared = shared
        self.own = shared if isinstance(shared, OwnCounts) else OwnCounts()
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
        self.own.reset()
        self._shared.reset()
        self._ask_again_at = 0.0

    def ask(self, question: Callable[[Counts], T]) -> T:
        if time.monotonic() < self._ask_again_at:
            return question(self.own)
        try:
            answer = question(self._shared)
        except (redis.RedisError, OSError) as error:
            self._step_aside(error)
            return question(self.own)
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
