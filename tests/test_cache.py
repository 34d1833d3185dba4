"""The cache for a developer's own reads: in the process, or on Redis, and never needed."""

from typing import Any

import pytest
from flask import Flask

from app.extensions import cache


def test_what_is_cached_is_computed_once_until_it_is_forgotten(app: Flask) -> None:
    asked = []

    @cache.memoize(60)
    def double(number: int) -> int:
        asked.append(number)
        return number * 2

    with app.app_context():
        cache.clear()
        assert (double(4), double(4), asked) == (8, 8, [4])

        cache.delete_memoized(double)
        assert (double(4), asked) == (8, [4, 4])


@pytest.mark.server_only
def test_it_is_kept_in_redis_for_every_process(app: Flask, servers: dict[str, Any]) -> None:
    import redis

    with app.app_context():
        cache.set("greeting", "hello")

    with redis.Redis.from_url(servers["redis"].url(0)) as client:
        assert any(key.endswith(b"greeting") for key in client.scan_iter())


@pytest.mark.server_only
def test_without_redis_it_is_computed_each_time(app: Flask, redis: Any) -> None:
    asked = []

    @cache.memoize(60)
    def treble(number: int) -> int:
        asked.append(number)
        return number * 3

    redis.stop()
    with app.app_context():
        assert (treble(5), treble(5), asked) == (15, 15, [5, 5])
