"""What a limit refused, was observed to refuse, and what another one would have refused."""

from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from app.counts import Used
from app.extensions import db
from app.tiers import outlook, usage
from app.tiers.models import RateLimit, Tier, Usage
from app.tiers.rules import LARGEST
from app.tiers.usage import SLICE_SECONDS
from tests.people import Browser
from tests.tiers.conftest import Clock
from tests.tiers.screen import set_limit, words_of

HOUR, DAY = 3600, 86400
SLICES_PER_DAY = DAY // SLICE_SECONDS
START = {"task": "demonstration"}


def start(browser: Browser, times: int) -> list[int]:
    return [browser.post("/tasks", START).status_code for _ in range(times)]


def observe(app: Flask, tier: str, is_observed: bool = True) -> None:
    with app.app_context():
        limit = db.session.scalars(Tier.by_name(tier)).one().limit_for("jobs.start")
        assert limit
        limit.observed = is_observed
        db.session.commit()


def page(alice: Browser, tier: str = "pro") -> str:
    return words_of(alice.get(f"/tiers/{tier}").text)


def asked(alice: Browser, tier: str = "pro", **numbers: Any) -> str:
    query = {"route": "jobs.start", "every": 1, "unit": "hours", **numbers}
    return words_of(alice.htmx_get(f"/tiers/{tier}/phrase", query_string=query).text)


@pytest.mark.usefixtures("clock")
class TestFromCalls:
    def test_who_is_at_the_limit_is_counted_at_once(
        self, app: Flask, alice: Browser, carol: Browser
    ) -> None:
        set_limit(app, "pro", 2, HOUR)
        start(carol, 1)
        assert "at the limit" not in page(alice)

        start(carol, 1)
        assert "1 person at the limit in 24 hours" in page(alice)
        assert "refused" not in page(alice)

        assert start(carol, 3) == [429] * 3
        assert "1 person at the limit in 24 hours, 3 calls refused" in page(alice)

    def test_another_day_it_is_past(
        self, app: Flask, clock: Clock, alice: Browser, carol: Browser
    ) -> None:
        set_limit(app, "pro", 1, HOUR)
        start(carol, 2)
        assert "1 call refused" in page(alice)

        clock.moment += DAY + 2 * SLICE_SECONDS

        assert "at the limit" not in page(alice)

    def test_an_observed_limit_refuses_nothing_and_reports(
        self, app: Flask, alice: Browser, carol: Browser
    ) -> None:
        set_limit(app, "pro", 2, HOUR)
        observe(app, "pro")

        assert start(carol, 5) == [303] * 5

        shown = page(alice)
        assert "Observed only" in shown
        assert "1 person at the limit in 24 hours, 3 calls would have been refused" in shown
        observe(app, "pro", is_observed=False)
        assert start(carol, 1) == [429]

    def test_an_observed_limit_does_not_worry_its_people(
        self, app: Flask, alice: Browser, carol: Browser
    ) -> None:
        set_limit(app, "pro", 2, HOUR)
        observe(app, "pro")
        start(carol, 5)

        shown = words_of(carol.get("/quotas").text)

        assert "Limit reached" not in shown
        assert "RateLimit" not in carol.post("/tasks", START).headers
        run = app.test_cli_runner().invoke(args=["limits", "explain", "carol", "POST", "/tasks"])
        assert "observed only: nothing is refused" in run.output
        assert "2 of 2 used Not enforced" in shown

    def test_what_if_is_told_while_typing_and_without_script(
        self, app: Flask, alice: Browser, carol: Browser
    ) -> None:
        set_limit(app, "pro", 10, HOUR)
        start(carol, 6)

        would = "4 refusals for 1 person in the last 24 hours would have followed."
        assert would in asked(alice, limit=2)
        assert "1 person is at it already and will wait until 15:00" in asked(alice, limit=2)
        assert "would have refused nobody" in asked(alice, limit=6)
        assert "at it already" not in asked(alice, limit=7)
        form = {"limit": "2", "every": "1", "unit": "hours", "check": "1"}
        shown = alice.post(f"/tiers/pro/limits/{limit_id(app)}", form)
        assert (shown.status_code, would in words_of(shown.text)) == (200, True)
        assert 'value="2"' in shown.text
        assert "10 requests per hour" in page(alice)  # nothing was saved

    def test_what_if_compares_with_what_was_refused(
        self, app: Flask, alice: Browser, carol: Browser
    ) -> None:
        set_limit(app, "pro", 2, HOUR)
        start(carol, 5)

        said = asked(alice, limit=1)

        assert "4 refusals for 1 person" in said
        assert "3 calls of 1 person were refused by the limit as it is" in said

    def test_a_new_limit_is_told_by_what_the_default_let_through(
        self, app: Flask, alice: Browser, bob: Browser
    ) -> None:
        with app.app_context():
            db.session.execute(delete(RateLimit))
            tier = db.session.scalars(Tier.by_name("free")).one()
            tier.limits.clear()
            tier.name = "free"
            db.session.commit()
        start(bob, 3)
        form = {"route": "jobs.start", "limit": "1", "every": "1", "unit": "hours", "check": "1"}

        shown = alice.post("/tiers/free/limits", form)

        assert "2 refusals for 1 person" in words_of(shown.text)
        start(bob, 8)
        at_default = "Background tasks: 1 person at the limit in 24 hours, 1 call refused"
        assert at_default in page(alice, "free")

    def test_a_short_period_is_told_as_at_least(
        self, app: Flask, alice: Browser, carol: Browser
    ) -> None:
        set_limit(app, "pro", 100, HOUR)
        start(carol, 12)

        assert "At least 2 refusals" in asked(alice, limit=2, unit="minutes")

    @pytest.mark.parametrize(("every", "unit"), [(1, "seconds"), (2, "minutes"), (24855, "days")])
    def test_the_largest_limit_refuses_nobody(
        self, app: Flask, alice: Browser, carol: Browser, every: int, unit: str
    ) -> None:
        start(carol, 1)

        said = asked(alice, limit=LARGEST, every=every, unit=unit)

        assert "2,147,483,647 requests per" in said
        assert "nobody" in said.lower(), said

    def test_strangers_are_not_written_down(self, app: Flask, stranger: Browser) -> None:
        start(stranger, 2)
        with app.app_context():
            usage.settle()
            assert db.session.query(Usage).count() == 0

    def test_what_nobody_here_wrote_down_is_left_out(
        self, app: Flask, alice: Browser, clock: Clock, carol: Browser
    ) -> None:
        start(carol, 1)
        junk = ("", "x", "1/x/jobs.start", f"{2**31}/1/jobs.start", "1/1/\0", "\u0663/1/jobs.start")
        with app.app_context():
            noted = {usage.slice_at(clock.moment): dict.fromkeys(junk, Used(1, 0, 0))}
            usage.store(noted, usage.SHARED)
            noted = {usage.slice_at(clock.moment): {"1/1/huge": Used(2**40, 2**40, 1)}}
            usage.store(noted, usage.SHARED)

        assert alice.get("/tiers/pro").status_code == 200
        with app.app_context():
            kept = {row.route: row.calls for row in db.session.scalars(select(Usage))}
        assert kept == {"jobs.start": 1, "huge": LARGEST}

    def test_those_who_write_the_same_at_once_do_not_block_each_other(self, app: Flask) -> None:
        noted = [f"{number}/1/jobs.start" for number in range(1000)]
        begin = Barrier(4, timeout=30)

        def write(number: int) -> None:
            mine = noted if number % 2 else noted[::-1]
            with app.app_context():
                begin.wait()
                for _ in range(3):
                    usage.store({300: dict.fromkeys(mine, Used(1, 0, 0))}, usage.SHARED)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(write, range(4)))
        with app.app_context():
            assert len(db.session.scalars(select(Usage.user_id)).all()) == len(noted)

    def test_it_is_kept_seven_days(self, app: Flask, clock: Clock, carol: Browser) -> None:
        start(carol, 1)
        with app.app_context():
            usage.settle()
            clock.moment += 7 * DAY - SLICE_SECONDS
            usage.forget_past()
            assert db.session.query(Usage).count() == 1
            clock.moment += 2 * SLICE_SECONDS
            usage.forget_past()
            assert db.session.query(Usage).count() == 0


def limit_id(app: Flask) -> int:
    with app.app_context():
        limit = db.session.scalars(Tier.by_name("pro")).one().limit_for("jobs.start")
        assert limit
        return limit.id


uses = st.lists(
    st.tuples(st.integers(1, 3), st.integers(0, SLICES_PER_DAY * 2 - 1), st.integers(1, 6)),
    max_size=40,
)


def reckoned(recorded: Counter[Any], limit: int, period: int, since: int) -> tuple[int, int]:
    """The same by walking through everybody's calls, one after the other."""
    used: dict[Any, int] = defaultdict(int)
    refused: Counter[int] = Counter()
    for (slice, person), calls in sorted(recorded.items()):
        for _ in range(calls):
            used[person, slice // period] += 1
            if used[person, slice // period] > limit and slice >= since:
                refused[person] += 1
    return sum(refused.values()), len(refused)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(used=uses, limit=st.integers(1, 12), period=st.sampled_from([300, 900, HOUR, 6 * HOUR, DAY]))
def test_what_if_is_what_would_have_been(
    app: Flask, clock: Clock, used: list[tuple[int, int, int]], limit: int, period: int
) -> None:
    current = usage.slice_at(clock.moment)
    recorded: Counter[Any] = Counter()
    for person, back, calls in used:
        recorded[current - back * SLICE_SECONDS, person] += calls
    with app.app_context():
        tier = db.session.scalars(Tier.by_name("pro")).one()
        db.session.execute(delete(Usage))
        for (slice, person), calls in recorded.items():
            row = Usage(user_id=person, route="jobs.start", slice=slice, tier_id=tier.id, source="")
            row.calls, row.refused, row.is_full = calls, 0, False
            db.session.add(row)
        db.session.commit()

        told = outlook.what_if(tier, "jobs.start", limit, period)

        since = current - DAY
        assert (told.refusals, told.people) == reckoned(recorded, limit, period, since)
        assert told.exact
