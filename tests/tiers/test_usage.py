"""Bringing what was used into the table, from several processes and after accidents."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from flask import Flask
from sqlalchemy import select

from app.counts import Used
from app.extensions import db
from app.tiers import outlook, usage
from app.tiers.models import Tier, Usage
from tests.tiers.conftest import Clock

SLICE = 1_900_000_200  # whole slices of five minutes


def used_by(people: list[int], used: Used) -> dict[int, dict[str, Used]]:
    return {SLICE: {f"{person}/1/jobs.start": used for person in people}}


def test_processes_that_write_the_same_rows_at_once_all_succeed(app: Flask) -> None:
    people = list(range(1, 400))
    together = Barrier(2)

    def write(order: list[int]) -> None:
        with app.app_context():
            for calls in range(1, 6):
                together.wait(10)
                usage.store(used_by(order, Used(calls, 0, 0)), usage.SHARED)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, [people, people[::-1]]))

    with app.app_context():
        assert set(db.session.scalars(select(Usage.calls))) == {5}


def test_who_read_earlier_and_writes_later_takes_nothing_away(app: Flask) -> None:
    with app.app_context():
        usage.store(used_by([1], Used(5, 2, 1)), usage.SHARED)
        usage.store(used_by([1], Used(3, 0, 0)), usage.SHARED)
        usage.store(used_by([1], Used(4, 3, 0)), usage.SHARED)

        row = db.session.scalars(select(Usage)).one()
        assert (row.calls, row.refused, row.is_full) == (5, 3, True)


def test_a_new_tier_of_the_same_number_begins_with_nothing(app: Flask, clock: Clock) -> None:
    with app.app_context():
        tier = db.session.scalars(Tier.by_name("free")).one()
        who = {f"1/{tier.id}/jobs.start": Used(5, 2, 1)}
        before = usage.slice_at(tier.created_at.timestamp()) - usage.SLICE_SECONDS
        clock.moment = before + 600
        usage.store({before: who}, usage.SHARED)

        assert outlook.past(tier) == {}
        assert outlook.what_if(tier, "jobs.start", 1, 3600).refusals == 0

        usage.store({before + usage.SLICE_SECONDS: who}, usage.SHARED)
        assert outlook.past(tier)["jobs.start"].refused == 2
        assert outlook.what_if(tier, "jobs.start", 1, 3600).refusals == 4
