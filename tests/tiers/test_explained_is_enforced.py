"""What the meters say and what the doors do is one answer, whatever tiers, rules and clocks do."""

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select

from app.extensions import db
from app.tiers import usage
from app.tiers.limits import (
    Caller,
    LimitReached,
    Standing,
    clear,
    spend,
    standing,
)
from app.tiers.models import RateLimit, Tier, Usage
from app.tiers.routes import Route

ROUTES = [Route(key, f"/{key}", ("POST",), key.title(), f"use {key}") for key in ("tasks", "posts")]
PERIODS = st.sampled_from([1, 7, 60, 3600, 86400, 2_147_483_647])
LIMITS = st.integers(1, 4)

callers = st.tuples(st.integers(0, 2), st.sampled_from(["first", "second", "none", "stranger"]))
routes = st.sampled_from(ROUTES)
deeds = st.one_of(
    st.tuples(st.just("call"), callers, routes, st.just(1)),
    st.tuples(st.just("call"), callers, routes, st.integers(1, 3)),
    st.tuples(
        st.just("rule"),
        st.sampled_from(["first", "second"]),
        routes,
        LIMITS,
        PERIODS,
        st.sampled_from([False, False, True]),
    ),
    st.tuples(st.just("no rule"), st.sampled_from(["first", "second"]), routes),
    st.tuples(st.just("wait"), st.sampled_from([0.25, 1.0, 6.5, 59.0, 3600.0, 86399.5])),
    st.tuples(st.just("clear"), callers, routes),
)


class World:
    """Two tiers, a clock, and a plain count of our own to compare with."""

    def __init__(self, app: Flask, moment: float) -> None:
        self.moment = moment
        self.default = (
            app.config["DEFAULT_RATE_LIMIT_LIMIT"],
            app.config["DEFAULT_RATE_LIMIT_PERIOD"],
            False,
        )
        self.rules: dict[tuple[str, str], tuple[int, int, bool]] = {}
        self.passed: Counter[Any] = Counter()
        self.called: Counter[Any] = Counter()
        self.refused: Counter[Any] = Counter()
        app.extensions["counters"].reset()
        app.extensions["counters"].clock = lambda: self.moment
        for model in (RateLimit, Tier, Usage):
            db.session.execute(delete(model))
        self.tiers = {name: Tier(name=name) for name in ("first", "second")}
        db.session.add_all(self.tiers.values())
        db.session.commit()

    def caller(self, number: int, tier: str) -> Caller:
        if tier == "stranger":
            return Caller(f"address:{number}", None, is_person=False)
        owner = self.tiers.get(tier)
        return Caller(f"user:{number}", owner.id if owner else None)

    def limits(self, tier: str, route: Route) -> tuple[int, int, bool, str]:
        """What is to hold, and why, from what this test did."""
        if tier in self.tiers:
            rule = self.rules.get((tier, route.key))
            return (*rule, "rule") if rule else (*self.default, "no rule")
        return (*self.default, "signed out" if tier == "stranger" else "no tier")

    def call(self, who: tuple[int, str], route: Route, cost: int) -> None:
        caller = self.caller(*who)
        before = standing(caller, route)
        limit, period, observed, reason = self.limits(who[1], route)
        bucket = (caller.key, route.key, period, int(self.moment // period))
        assert (before.limit, before.period, before.reason) == (limit, period, reason)
        assert before.is_observed is observed
        assert before.used == min(self.passed[bucket], limit)
        assert before.window.start <= self.moment < before.window.end
        assert 1 <= before.retry_after <= period
        assert before.retry_after >= before.window.end - self.moment or before.retry_after == 1
        has_room = self.passed[bucket] + cost <= limit
        after, passed = self.try_to_spend(caller, route, cost)
        assert passed is (has_room or observed)
        assert before.is_exhausted is (self.passed[bucket] >= limit and not observed)
        self.passed[bucket] += cost if passed else 0
        if caller.is_person:
            self.called[who[0], route.key] += cost
            self.refused[who[0], route.key] += 0 if has_room else cost
        assert after.used == min(self.passed[bucket], limit)
        assert standing(caller, route) == after

    def try_to_spend(self, caller: Caller, route: Route, cost: int) -> tuple[Standing, bool]:
        try:
            return spend(caller, route, cost), True
        except LimitReached as refusal:
            return refusal.standing, False

    def rule(self, tier: str, route: Route, limit: int, period: int, observed: bool) -> None:
        owner = self.tiers[tier]
        row = owner.limit_for(route.key) or RateLimit(tier=owner, route=route.key, methods="POST")
        row.limit, row.period, row.observed = limit, period, observed
        db.session.add(row)
        db.session.commit()
        self.rules[tier, route.key] = limit, period, observed

    def no_rule(self, tier: str, route: Route) -> None:
        row = self.tiers[tier].limit_for(route.key)
        if row:
            self.tiers[tier].limits.remove(row)
            db.session.commit()
            del self.rules[tier, route.key]

    def wait(self, seconds: float) -> None:
        usage.settle()  # as a worker does every few minutes
        self.moment += seconds

    def clear(self, who: tuple[int, str], route: Route) -> None:
        caller = self.caller(*who)
        clear(caller, route)
        now = standing(caller, route)
        assert now.used == 0
        del self.passed[caller.key, route.key, now.period, int(self.moment // now.period)]

    def written_down(self) -> list[Counter[Any]]:
        """What the table says of each person and route: calls, and refused ones."""
        usage.settle()
        usage.settle()  # twice is as good as once
        sums = func.sum(Usage.calls), func.sum(Usage.refused)
        rows = db.session.execute(
            select(Usage.user_id, Usage.route, *sums).group_by(Usage.user_id, Usage.route)
        )
        calls, refused = Counter[Any](), Counter[Any]()
        for user_id, route, called, turned_away in rows:
            calls[user_id, route], refused[user_id, route] = called, turned_away
        return [+calls, +refused]


@pytest.fixture
def ground(prepared_app: Flask) -> Iterator[Flask]:
    """An application context, and the clock of the world afterwards."""
    with prepared_app.app_context():
        yield prepared_app
        prepared_app.extensions["counters"].clock = time.time


@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    moment=st.floats(1_700_000_000, 2_000_000_000),
    what_happens=st.lists(deeds, min_size=5, max_size=30),
)
def test_what_is_explained_is_what_is_enforced(
    app: Flask, ground: Flask, moment: float, what_happens: list[tuple[Any, ...]]
) -> None:
    world = World(ground, moment)
    for deed, *details in what_happens:
        getattr(world, deed.replace(" ", "_"))(*details)

    assert world.written_down() == [+world.called, +world.refused]
