"""An application whose Redis is elsewhere than that of the other tests, and patience with it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask

from app import create_app
from app.config import load_settings
from app.extensions import db
from tests.servers import SECONDS_TO_ANSWER

USES = ("redis_cache_url", "redis_rate_limit_url", "redis_queue_url")


@contextmanager
def on_redis(settings: dict[str, Any], address: Callable[[int], str]) -> Iterator[Flask]:
    """One for the database of ``settings``; ``address`` tells where Redis is for each use."""
    urls = {name: address(number) for number, name in enumerate(USES)}
    made = create_app(load_settings(**{**settings, **urls}))
    made.testing = True
    yield made
    with made.app_context():
        db.engine.dispose()


def soon(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS_TO_ANSWER
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)
