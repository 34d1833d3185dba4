"""The clock that other tests trust: it tells what differs and keeps still about what does not."""

from random import Random

import pytest

from tests.timing import PAIRS, SURE, deviation


def samples(seed: int, shift: float) -> list[float]:
    chance = Random(seed)
    return [chance.gauss(shift, 1) for _ in range(PAIRS)]


def test_it_is_quiet_where_nothing_differs() -> None:
    alarms = sum(deviation(samples(seed, 0)) > SURE for seed in range(5_000))

    assert alarms <= 3


@pytest.mark.parametrize("shift", [3, 10])
def test_it_tells_what_differs(shift: float) -> None:
    assert all(deviation(samples(seed, shift)) > SURE for seed in range(100))
    assert all(deviation(samples(seed, -shift)) < -SURE for seed in range(100))
