"""Cache, limits and queue by way of a Sentinel, through the end of the master."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from app.counters import Window
from app.extensions import cache, counters, limiter, queue
from app.redis_servers import Sentinels, check, client_of, servers_of
from tests.on_redis import on_redis, soon
from tests.people import Browser
from tests.sentinels import Watcher, watched
from tests.servers import Redis

HOUR = 3600


@pytest.fixture
def trio() -> Iterator[tuple[Redis, Redis, Watcher]]:
    with watched() as found:
        yield found


@pytest.fixture
def led_app(app: Flask, trio: Any, mode_settings: dict[str, Any]) -> Iterator[Flask]:
    with on_redis(mode_settings, trio[2].address) as found:
        yield found


@pytest.mark.server_only
def test_what_was_counted_cached_and_queued_outlives_the_master(led_app, trio):
    master, copy, watcher = trio
    with led_app.app_context():
        window = Window.at(counters.now(), HOUR)
        assert counters.take("who", window, limit=5) == 1
        assert cache.set("known", "kept", timeout=HOUR)
        assert queue.send("run", "1")
        assert limiter.storage.incr("throttled", HOUR) == 1
        with client_of(watcher.address(0)) as client:
            client.set("seen", 1)
            assert client.wait(1, 5000) == 1  # the copy has this, and all before

        master.kill()
        watcher.wait_for_master(copy.port)

        soon(lambda: counters.check() and counters.is_shared)
        assert counters.take("who", window, limit=5) == 2
        soon(lambda: cache.get("known") == "kept")
        soon(lambda: not queue.is_empty())
        assert queue.huey.pending_count() == 1
        soon(lambda: limiter.storage.check())
        assert limiter.storage.incr("throttled", HOUR) == 2


@pytest.mark.server_only
def test_the_system_page_finds_them_and_people_are_served(led_app):
    shown = Browser(led_app, "alice").get("/system").text

    assert "Pages work without their cache." not in shown
    assert "Each process counts for itself." not in shown
    assert "Tasks are accepted and run later." not in shown
    assert Browser(led_app, "bob").get("/").status_code == 200


def test_an_address_says_where_what_and_with_which_password():
    known = Sentinels.read(
        "redis+sentinel://ann:p%40ss@one:26380,[::1]/main/2?socket_timeout=4&sentinel_password=deep"
    )

    assert known.places == [("one", 26380), ("::1", 26379)]
    assert (known.service, known.own) == ("main", {"password": "deep"})
    assert known.servers == {"username": "ann", "password": "p@ss", "db": 2, "socket_timeout": 4.0}


@pytest.mark.parametrize(
    "url",
    [
        "redis+sentinel://one:26379",
        "redis+sentinel:///main",
        "redis+sentinel://one:0/main",
        "redis+sentinel://one:port/main",
        "redis+sentinel://one,,two/main",
        "redis+sentinel://one/main/first",
        "redis+other://one:6379",
    ],
)
def test_what_is_no_address_is_refused_with_what_one_looks_like(url):
    with pytest.raises(ValueError, match=r"redis\+sentinel://host:26379"):
        check(url)


def test_two_databases_of_one_service_are_the_same_servers():
    one = "redis+sentinel://:secret@one,two/main/0"

    assert servers_of(one) == servers_of("redis+sentinel://two,one:26379/main/1")
    assert servers_of(one) != servers_of("redis+sentinel://one,two/other/0")
