"""Numbers, times and limits as people say them."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import words

NOW = datetime(2026, 3, 12, 14, 31, 7, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "now", lambda: NOW)


@pytest.fixture
def lives_in(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sign in somebody of that time zone."""

    def move(zone: str | None) -> None:
        monkeypatch.setattr(words, "current_user", SimpleNamespace(time_zone=zone))

    move("UTC")
    return move


@pytest.mark.parametrize(
    ("value", "said"), [(0, "0"), (999, "999"), (1284, "1,284"), (1_000_000, "1,000,000")]
)
def test_thousands_are_separated(value: int, said: str) -> None:
    assert words.number(value) == said


@pytest.mark.parametrize(
    ("value", "noun", "plural", "said"),
    [
        (1, "user", None, "1 user"),
        (0, "user", None, "0 users"),
        (1284, "user", None, "1,284 users"),
        (2, "person", "people", "2 people"),
        (1, "person", "people", "1 person"),
    ],
)
def test_one_is_singular(value: int, noun: str, plural: str | None, said: str) -> None:
    assert words.count(value, noun, plural) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (1, "per second"),
        (60, "per minute"),
        (900, "per 15 minutes"),
        (3600, "per hour"),
        (5400, "per 90 minutes"),
        (7200, "per 2 hours"),
        (86400, "per day"),
        (604800, "per 7 days"),
        (61, "per 61 seconds"),
    ],
)
def test_a_period_is_said_in_its_largest_whole_unit(seconds: int, said: str) -> None:
    assert words.per(seconds) == said


@given(st.integers(1, 10**9))
def test_a_period_in_words_is_the_same_period(seconds: int) -> None:
    times, unit = words.split_period(seconds)

    assert times * dict(words.UNITS)[unit] == seconds


def test_a_limit_is_said_as_a_sentence_would() -> None:
    assert words.allowance(10, 3600) == "10 requests per hour"
    assert words.allowance(1, 900) == "1 request per 15 minutes"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0.1 s"),
        (0.84, "0.8 s"),
        (3, "3 s"),
        (9.97, "10 s"),
        (41.2, "41 s"),
        (59.6, "1 min"),
        (80, "1 min 20 s"),
        (3599.7, "1 h"),
        (33780, "9 h 23 min"),
        (3_600_000, "1,000 h"),
        (-5, "0.1 s"),
    ],
)
def test_a_duration_has_as_much_detail_as_matters(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-3, "in 1 s"),
        (40, "in 40 s"),
        (60, "in 1 min"),
        (61, "in 2 min"),
        (1380, "in 23 min"),
        (3600, "in 1 h"),
        (5400, "in 1 h 30 min"),
    ],
)
def test_what_is_left_is_never_said_too_short(seconds: int, said: str) -> None:
    assert words.until(NOW + timedelta(seconds=seconds)) == said


def test_the_time_is_that_of_the_person(lives_in: Any) -> None:
    assert words.clock(NOW) == "14:31"
    assert words.clock(NOW, seconds=True) == "14:31:07"
    lives_in("Asia/Tokyo")
    assert words.clock(NOW) == "23:31"


@pytest.mark.parametrize("zone", [None, "", "Nowhere/Land", "../etc/passwd", "/etc", "\x00"])
def test_an_unknown_zone_is_utc(lives_in: Any, zone: str | None) -> None:
    lives_in(zone)

    assert words.clock(NOW) == "14:31"


def test_a_day_is_near_or_has_a_date(lives_in: Any) -> None:
    assert words.moment(NOW) == "today 14:31"
    assert words.moment(NOW - timedelta(hours=15)) == "yesterday 23:31"
    assert words.moment(NOW - timedelta(days=2)) == "10 Mar 14:31"
    assert words.moment(datetime(2023, 11, 11, tzinfo=UTC)) == "11 Nov 2023"


def test_yesterday_is_that_of_the_person(lives_in: Any) -> None:
    lives_in("Pacific/Auckland")  # where it is the 13th already

    assert words.moment(NOW - timedelta(hours=4)) == "yesterday 23:31"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "Just now"),
        (59, "Just now"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (3600, "1 hour ago"),
        (86399, "23 hours ago"),
        (86400, "11 Mar"),
        (86400 * 400, "5 Feb 2025"),
    ],
)
def test_how_long_ago_fades_into_a_date(lives_in: Any, seconds: int, said: str) -> None:
    assert words.ago(NOW - timedelta(seconds=seconds)) == said


def test_who_never_came_was_never_here(lives_in: Any) -> None:
    assert words.ago(None) == "Never"


def test_a_machine_reads_the_moment_with_its_zone() -> None:
    assert words.iso(NOW) == "2026-03-12T14:31:07Z"
    assert words.iso(NOW.replace(microsecond=999)) == "2026-03-12T14:31:07Z"


def test_a_time_a_day_away_names_its_day(lives_in: Any) -> None:
    assert words.when(NOW + timedelta(minutes=30), 1800) == "15:01"
    assert words.when(NOW + timedelta(days=6), 6 * 86400) == "18 Mar 14:31"
