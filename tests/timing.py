"""Whether an onlooker with a clock could tell two kinds of request apart."""

import gc
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PAIRS = 30
MARGIN = 0.25
# For 30 pairs a sum of ranks can lie 4.8 standard deviations from the middle, no further: so one
# pair in which the machine was busy elsewhere hides nothing.
SURE = 3.9


def takes_longer(
    first: Callable[[int], object], second: Callable[[int], object], pairs: int = PAIRS
) -> str | None:
    """Which of two deeds, "first" or "second", takes clearly more work; None if neither does.

    Each is done ``pairs`` times (and is given the number of the pair), in pairs, now this one
    first and now that one, so that whatever slows the machine slows both. What is compared is the
    processor's time of this thread, which waiting and other processes do not move. A difference
    below a quarter of the shorter one is none: a missing hash is nearly all of it.

    Wilcoxon's signed-rank test, 3.9 standard deviations: where the work is the same this raises a
    false alarm once in 48,000 runs (exactly, for 30 pairs), and the margin makes it rarer still.
    """
    with undisturbed():
        times = [pair(first, second, number) for number in range(pairs)]
    margin = MARGIN * min(middle([a for a, _ in times]), middle([b for _, b in times]))
    if deviation([a - b - margin for a, b in times]) > SURE:
        return "first"
    if deviation([b - a - margin for a, b in times]) > SURE:
        return "second"
    return None


@contextmanager
def undisturbed() -> Iterator[None]:
    """Collect no garbage meanwhile: all of it would be on the account of whoever comes next."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def pair(
    first: Callable[[int], object], second: Callable[[int], object], number: int
) -> tuple[float, float]:
    if number % 2:
        later = seconds(second, number)
        return seconds(first, number), later
    return seconds(first, number), seconds(second, number)


def seconds(deed: Callable[[int], object], number: int) -> float:
    began = time.thread_time()
    deed(number)
    return time.thread_time() - began


def deviation(differences: list[float]) -> float:
    """By how many standard deviations the ranks of what is above zero outweigh the rest."""
    count = len(differences)
    by_size = sorted(differences, key=abs)
    above = sum(rank for rank, each in enumerate(by_size, start=1) if each > 0)
    expected = count * (count + 1) / 4
    return (above - expected) / math.sqrt(expected * (2 * count + 1) / 6)


def middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
