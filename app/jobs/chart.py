"""What ended in the last two hours, as bars and blocks of five minutes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, Select, cast, extract, func, select

from app.database import now
from app.extensions import db
from app.jobs.models import OPEN, Job
from app.words import clock, count, number

SECONDS, BARS = 300, 24
WIDTH, HEIGHT, BLOCKS_HEIGHT, BLOCK = 10, 48, 20.0, 4.0
# Said by what it is not: else SQLite reads all that ever succeeded, by the index of the states.
FINISHED = Job.status.not_in((*OPEN, "cancelled"))
MOST_BLOCKS = 12  # in one bar; more are drawn as one


@dataclass(frozen=True)
class Shape:
    """A rectangle of the drawing."""

    x: int
    y: float
    height: float
    is_failure: bool = False


@dataclass(frozen=True)
class Chart:
    """How many jobs succeeded and how many failed in each five minutes since ``begin``."""

    begin: datetime
    done: list[int]
    failed: list[int]

    @property
    def middle(self) -> datetime:
        return self.begin + timedelta(seconds=SECONDS * BARS / 2)

    @property
    def sentence(self) -> str:
        """What the drawing shows, for who does not see it."""
        every = [done + failed for done, failed in zip(self.done, self.failed, strict=True)]
        if not any(every):
            return "No job finished in the last 2 hours"
        least, most = min(every), max(every)
        some = f"Between {number(least)} and {number(most)}" if least < most else number(most)
        return f"{some} jobs finished in each 5 minutes; {self._failures()}"

    def _failures(self) -> str:
        bad = [place for place, failed in enumerate(self.failed) if failed]
        if not bad:
            return "none failed"
        said = count(sum(self.failed), "failure")
        return f"{said} between {clock(self._at(bad[0]))} and {clock(self._at(bad[-1] + 1))}"

    def _at(self, place: int) -> datetime:
        return self.begin + timedelta(seconds=SECONDS * place)

    @property
    def shapes(self) -> Iterator[Shape]:
        worst = max(self.failed)
        block = min(BLOCK, BLOCKS_HEIGHT / worst) if worst else 0.0
        room = HEIGHT - 2 - block * worst
        scale = room / max(*self.done, 1)
        for place, (done, failed) in enumerate(zip(self.done, self.failed, strict=True)):
            x, height = place * WIDTH + 1, done * scale
            if done:
                yield Shape(x, HEIGHT - height, height)
            yield from blocks(x, HEIGHT - height, failed, block)


def blocks(x: int, top: float, failed: int, block: float) -> Iterator[Shape]:
    """One block for each failure, upwards from ``top``."""
    if failed > MOST_BLOCKS:
        yield Shape(x, top - failed * block, failed * block - 1, True)
        return
    for place in range(1, failed + 1):
        yield Shape(x, top - place * block, block * 0.75, True)


def last_hours() -> Chart:
    """Two hours on the clock, up to the five minutes that run now."""
    first = int(now().timestamp()) // SECONDS - BARS + 1
    chart = Chart(datetime.fromtimestamp(first * SECONDS, UTC), [0] * BARS, [0] * BARS)
    for place, status, jobs in db.session.execute(grouped(chart.begin)):
        among = chart.done if status == "succeeded" else chart.failed
        among[min(BARS - 1, int(place) - first)] += jobs  # PostgreSQL rounds the second
    return chart


def grouped(begin: datetime) -> Select[int, str, int]:
    seconds = cast(extract("epoch", Job.finished_at), BigInteger)
    place = seconds // SECONDS
    ended = (Job.finished_at >= begin, FINISHED)
    return select(place, Job.status, func.count()).where(*ended).group_by(place, Job.status)
