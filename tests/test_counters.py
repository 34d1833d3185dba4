"""Counts per window of the clock: in this process, on a real Redis, and while that is away."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from app import counts as kept_counts
from app.counters import SKEW_SECONDS, Counts, OwnCounts, RedisCounts, Store, Window
from app.counts import NOTES, PREFIX, VERSION, Note, Outdated
from app.redis_servers import redis_patience
from tests.servers import Redis

HOUR = 3600


@pytest.mark.parametrize(
    ("moment", "period", "start", "end"),
    [
        (0, HOUR, 0, HOUR),
        (HOUR - 0.001, HOUR, 0, HOUR),
        (HOUR, HOUR, HOUR, 2 * HOUR),
        (1_700_000_000, 86400, 1_699_920_000, 1_700_006_400),
        (10.5, 1, 10, 11),
        (1_700_000_000, 2_147_483_647, 0, 2_147_483_647),
    ],
)
def test_windows_stand_on_the_clock(moment: float, period: int, start: int, end: int) -> None:
    assert Window.at(moment, period) == Window(start, end)


@given(st.floats(0, 4e9), st.integers(1, 2_147_483_647))
def test_every_moment_is_in_one_window_of_the_whole_period(moment: float, period: int) -> None:
    window = Window.at(moment, period)

    assert window.start <= moment < window.end
    assert window.end - window.start == period
    assert window.start % period == 0
    assert Window.at(window.end, period).start == window.end


@pytest.fixture(scope="module")
def server() -> Iterator[Redis]:
    with Redis(appendonly=True) as server:
        yield server


@pytest.fixture(params=["own", "redis"])
def counts(request: pytest.FixtureRequest) -> Iterator[Counts]:
    if request.param == "own":
        yield OwnCounts()
        return
    server: Redis = request.getfixturevalue("server").start()
    kept = RedisCounts(server.url(), redis_patience(seconds=1))
    kept.reset()
    yield kept


def test_each_call_gets_the_next_number_and_one_past_the_limit_is_not_counted(
    counts: Counts,
) -> None:
    assert [counts.take("key", 3, 60) for _ in range(6)] == [1, 2, 3, 4, 4, 4]
    assert counts.read("key") == 3
    assert [counts.take("key", 5, 60) for _ in range(3)] == [4, 5, 6]


def test_a_lowered_limit_refuses_and_forgets_nothing(counts: Counts) -> None:
    for _ in range(5):
        counts.take("key", 5, 60)

    assert counts.take("key", 2, 60) == 6
    assert counts.read("key") == 5


def test_keys_do_not_touch_each_other(counts: Counts) -> None:
    counts.take("one", 9, 60)

    assert counts.read("two") == 0
    assert counts.clear("two") == 0
    assert counts.read("one") == 1
    counts.clear("one")
    assert counts.read("one") == 0


def test_made_up_callers_fill_no_memory_and_hide_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_counts, "MOST_COUNTS", 100)
    counts = OwnCounts()
    for _ in range(3):
        counts.take("mallory", 3, 60)

    for number in range(1000):
        counts.take(f"made up {number}", 3, 60)

    assert counts.take("mallory", 3, 60) == 4
    assert counts.read("made up 999") == 1
    assert len(counts._counts) <= 100


def test_reset_forgets_all_of_ours(counts: Counts) -> None:
    counts.take("one", 9, 60)
    counts.take("two", 9, 60)

    counts.reset()

    assert counts.read("one") == counts.read("two") == 0


@pytest.mark.parametrize("round_", range(5))
def test_exactly_the_limit_passes_from_many_threads(counts: Counts, round_: int) -> None:
    barrier = threading.Barrier(8)

    def take(_: int) -> list[int]:
        barrier.wait()
        return [counts.take(f"round {round_}", 37, 60) for _ in range(25)]

    with ThreadPoolExecutor(8) as pool:
        numbers = [number for some in pool.map(take, range(8)) for number in some]

    passed = Counter(number for number in numbers if number <= 37)
    assert passed == Counter(range(1, 38))


def test_redis_forgets_a_count_some_time_after_its_window(server: Redis) -> None:
    kept = RedisCounts(server.start().url(), redis_patience(seconds=1))
    kept.take("leaving", 1, 120)

    with redis.Redis.from_url(server.url()) as client:
        (key,) = client.keys("*leaving")
        assert 0 < client.ttl(key) <= 120


def test_own_counts_of_past_windows_leave_the_memory() -> None:
    kept = OwnCounts()
    kept.take("past", 1, 0)
    kept._sweep(time.monotonic() + 1000)

    assert kept._counts == {}


def test_clocks_may_differ_without_losing_a_count() -> None:
    assert SKEW_SECONDS >= 30


class TestRedisAway:
    """While Redis is away each process counts alone; it is asked again, and comes back unaided."""

    @pytest.fixture
    def store(self, server: Redis) -> Store:
        store = Store(RedisCounts(server.start().url(), redis_patience(seconds=0.3)))
        store.reset()
        store.retry_seconds = 0.05
        return store

    def passed(self, store: Store, times: int, limit: int = 3) -> int:
        numbers = [store.ask(lambda counts: counts.take("key", limit, 60)) for _ in range(times)]
        return sum(number <= limit for number in numbers)

    def wait_for_return(self, store: Store) -> None:
        deadline = time.monotonic() + 10
        while store.is_away:
            assert time.monotonic() < deadline
            time.sleep(0.06)
            store.ask(lambda counts: counts.read("key"))

    def test_a_stopped_server_leaves_limits_bounded(self, server: Redis, store: Store) -> None:
        assert self.passed(store, 2) == 2
        server.stop()

        assert self.passed(store, 20) == 3
        assert store.is_away
        assert not store.check()

        server.start()
        self.wait_for_return(store)
        assert store.check()
        assert self.passed(store, 20) == 1  # what was counted together before still is

    @pytest.mark.parametrize("junk", ["junk", "", b"\xff", "9e99", "-5", "1.5", "9" * 19])
    def test_what_is_no_count_of_ours_stops_nothing(
        self, server: Redis, store: Store, junk: str | bytes
    ) -> None:
        note = Note(5, 300, "1/1/jobs.start")
        with redis.Redis.from_url(server.url()) as client:
            client.mset({f"{PREFIX}key": junk, VERSION: junk, f"{NOTES}600": "no hash"})
            client.hset(f"{NOTES}300", mapping={junk: junk, f"{note.who}|calls": junk})

        assert store.ask(lambda counts: counts.read("key")) >= 0
        with pytest.raises(Outdated):
            store.ask(lambda counts: counts.take("key", 3, 60, 1, note))
        store.ask(lambda counts: counts.tell_version(5))
        taken = [store.ask(lambda counts: counts.take("key", 3, 60, 1, note)) for _ in range(5)]
        assert taken == [1, 2, 3, 4, 4]
        noted = store.ask(lambda counts: counts.notes([300, 600]))
        assert noted[300][note.who].refused == 2
        assert not store.is_away

    def test_a_server_that_hangs_is_asked_rarely(self, server: Redis, store: Store) -> None:
        store.retry_seconds = 60
        server.pause()
        try:
            assert self.passed(store, 50) == 3
            assert store.is_away
        finally:
            server.resume()

    def test_a_server_that_was_emptied_counts_anew(self, server: Redis, store: Store) -> None:
        assert self.passed(store, 5) == 3
        with redis.Redis.from_url(server.url()) as client:
            client.flushall()
            client.script_flush()

        assert self.passed(store, 5) == 3
        assert not store.is_away

    def test_a_server_that_refuses_to_write_leaves_limits_bounded(
        self, server: Redis, store: Store
    ) -> None:
        with redis.Redis.from_url(server.url()) as client:
            client.config_set("maxmemory", "1")
            try:
                assert self.passed(store, 20) == 3
                assert store.is_away
            finally:
                client.config_set("maxmemory", "0")
