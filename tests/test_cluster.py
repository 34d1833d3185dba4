"""Cache, limits and queue on a Redis Cluster, through the end of the node that counts."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from app import versions
from app.counters import Window
from app.counts import Note
from app.extensions import cache, counters, limiter, queue
from app.redis_servers import Nodes, check, client_of, servers_of
from tests.clusters import OURS, Group, clustered
from tests.on_redis import on_redis, soon
from tests.people import Browser

HOUR = 3600


@pytest.fixture(scope="module")
def group() -> Iterator[Group]:
    with clustered() as found:
        yield found


@pytest.fixture
def clustered_app(app: Flask, group: Group, mode_settings: dict[str, Any]) -> Iterator[Flask]:
    with on_redis(mode_settings, lambda _use: group.address()) as found:
        yield found


@pytest.mark.server_only
def test_keys_of_several_nodes_are_read_and_taken_away_together(clustered_app):
    names = [f"name-{number}" for number in range(20)]
    with clustered_app.app_context():
        assert cache.set_many({name: f"of {name}" for name in names}, timeout=HOUR)
        assert cache.get_many(*names) == [f"of {name}" for name in names]

        first, _ = versions.current(names[:5])
        assert versions.current(names[:5]) == (first, [])
        versions.take_away(names[:1])
        second, _ = versions.current(names[:5])
        assert [one == other for one, other in zip(first, second, strict=True)] == [False] + [
            True
        ] * 4

        assert cache.delete_many(*names)
        assert cache.get_many(*names) == [None] * 20


@pytest.mark.server_only
def test_a_call_is_counted_and_written_down_in_one_step(clustered_app):
    with clustered_app.app_context():
        window, note = Window.at(counters.now(), HOUR), Note(None, 7, "tier:1")

        assert [counters.take("noted", window, 2, note=note) for _ in range(3)] == [1, 2, 3]

        assert counters.read("noted", window) == 2
        assert counters.notes([6, 7])[7]["tier:1"] == (3, 1, 1)
        assert counters.is_shared


@pytest.mark.server_only
def test_the_system_page_finds_it_and_people_are_served(clustered_app):
    shown = Browser(clustered_app, "alice").get("/system").text

    assert "Pages work without their cache." not in shown
    assert "Each process counts for itself." not in shown
    assert "Tasks are accepted and run later." not in shown
    assert Browser(clustered_app, "bob").get("/").status_code == 200


@pytest.mark.server_only
def test_what_was_sent_is_handed_to_the_consumer_the_urgent_first(clustered_app):
    with clustered_app.app_context():
        assert queue.is_empty()
        assert queue.send("run", "later")
        assert queue.send("run", "soon", priority=5)

        handed = [queue.huey.dequeue(), queue.huey.dequeue()]

        assert [each.args for each in handed if each] == [("soon",), ("later",)]
        assert queue.is_empty()
        assert queue.huey.read_schedule() == []


@pytest.mark.server_only
def test_throttles_count_together_and_can_be_forgotten(clustered_app):
    assert limiter.storage.incr("throttled/one", HOUR) == 1
    assert limiter.storage.incr("throttled/one", HOUR) == 2
    assert limiter.storage.incr("throttled/two", HOUR) == 1

    assert limiter.storage.reset() == 2

    assert limiter.storage.get("throttled/one") == 0


@pytest.mark.server_only
def test_what_was_counted_cached_and_queued_outlives_a_node(clustered_app, group):
    with clustered_app.app_context():
        window = Window.at(counters.now(), HOUR)
        assert counters.take("who", window, limit=5) == 1
        assert cache.set("known", "kept", timeout=HOUR)
        assert queue.send("run", "1")
        group.wait_for_copy()

        group.masters[OURS].kill()
        group.wait_for_change()

        soon(lambda: counters.check() and counters.read("who", window) == 1)
        assert counters.take("who", window, limit=5) == 2
        soon(lambda: cache.get("known") == "kept")
        soon(lambda: not queue.is_empty())
        assert queue.huey.dequeue().args == ("1",)


@pytest.mark.server_only
def test_a_site_starts_and_serves_while_no_node_answers(app, mode_settings):
    with on_redis(mode_settings, lambda _use: "redis+cluster://127.0.0.1:1") as alone:
        assert Browser(alone, "bob").get("/").status_code == 200
        with alone.app_context():
            assert counters.take("who", Window.at(counters.now(), HOUR), limit=5) == 1
            assert not counters.is_shared
            assert not queue.send("run", "1")


def test_an_address_says_where_and_with_which_password():
    known = Nodes.read("redis+cluster://ann:p%40ss@one,[::1]:7001/0?socket_timeout=4&ssl=true")

    assert known.places == [("one", 6379), ("::1", 7001)]
    assert known.options == {
        **{"username": "ann", "password": "p@ss"},
        **{"socket_timeout": 4.0, "ssl": True},
    }


@pytest.mark.parametrize(
    "url", ["redis+cluster://", "redis+cluster://one:0", "redis+cluster://one,,two"]
)
def test_what_is_no_address_is_refused_with_what_one_looks_like(url):
    with pytest.raises(ValueError, match=r"redis\+cluster://host:6379"):
        check(url)


def test_a_cluster_has_one_database():
    with pytest.raises(ValueError, match=r"redis\+cluster://host:6379"):
        check("redis+cluster://one:6379/1")
    assert servers_of("redis+cluster://one,two") == servers_of("redis+cluster://:key@two:6379,one")


def test_a_client_asks_nobody_before_it_is_used():
    with client_of("redis+cluster://127.0.0.1:1") as client:
        assert client.register_script("return 1").sha
