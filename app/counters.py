"""Counts per window of the clock, on Redis or in this process, exact across processes."""

import time
from dataclasses import dataclass
from threading import Lock
from typing import cast

import structlog
from flask import Flask, current_app
from limits.storage import MemoryStorage, Storage, storage_from_string

log = structlog.get_logger()

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
        uri = app.config["RATELIMIT_STORAGE_URI"]
        options = app.config["RATELIMIT_STORAGE_OPTIONS"]
        app.extensions["counters"] = _Store(cast(Storage, storage_from_string(uri, **options)))

    @property
    def _store(self) -> "_Store":
        store: _Store = current_app.extensions["counters"]
        return store

    @property
    def is_shared(self) -> bool:
        """False while Redis is away and this process counts alone."""
        return not self._store.is_away

    def add(self, key: str, window: Window, cost: int = 1) -> int:
        """Add ``cost`` and return the new count, in one round trip."""
        lifetime = max(1, window.end - int(time.time()) + 1)
        return self._store.call("incr", f"{key}/{window.start}", lifetime, cost)

    def read(self, key: str, window: Window) -> int:
        """The count so far; asking costs nothing."""
        return self._store.call("get", f"{key}/{window.start}")

    def clear(self, key: str, window: Window) -> None:
        self._store.call("clear", f"{key}/{window.start}")

    def check(self) -> bool:
        """Whether the storage answers now."""
        return self._store.check()


class _Store:
    def __init__(self, shared: Storage) -> None:
        self._shared = shared
        self._own = MemoryStorage()
        self._ask_again_at = 0.0
        self._lock = Lock()

    @property
    def is_away(self) -> bool:
        return self._ask_again_at > 0

    def check(self) -> bool:
        try:
            return bool(self._shared.check())
        except Exception:
            return False

    def reset(self) -> None:
        """Forget every count, here and in the storage."""
        self._own.reset()
        self._shared.reset()
        self._ask_again_at = 0.0

    def call(self, name: str, *arguments: object) -> int:
        if time.monotonic() < self._ask_again_at:
            return self._call(self._own, name, *arguments)
        try:
            result = self._call(self._shared, name, *arguments)
        except Exception as error:
            self._step_aside(error)
            return self._call(self._own, name, *arguments)
        self._come_back()
        return result

    @staticmethod
    def _call(storage: Storage, name: str, *arguments: object) -> int:
        return getattr(storage, name)(*arguments) or 0

    def _step_aside(self, error: Exception) -> None:
        with self._lock:
            if not self.is_away:
                log.warning("limits.storage_away", error=type(error).__name__)
            self._ask_again_at = time.monotonic() + RETRY_REDIS_SECONDS

    def _come_back(self) -> None:
        if self.is_away:
            with self._lock:
                self._ask_again_at = 0.0
                log.info("limits.storage_back")
