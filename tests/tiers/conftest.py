"""A clock that stands still until a test moves it."""

import time
from collections.abc import Iterator

import pytest
from flask import Flask


class Clock:
    """It stands at 14:50 UTC on some day to come."""

    def __init__(self) -> None:
        self.moment = 1_900_000_000 // 86400 * 86400 + 14 * 3600 + 50 * 60.0

    def __call__(self) -> float:
        return self.moment


@pytest.fixture
def clock(app: Flask) -> Iterator[Clock]:
    """The clock by which calls are counted."""
    store = app.extensions["counters"]
    store.clock = Clock()
    yield store.clock
    store.clock = time.time
