"""What a job is given to work on: kept beside it, in pieces, as attempt 0 of its files."""

import io
from typing import BinaryIO, cast

from sqlalchemy import Delete, delete, select

from app.extensions import db
from app.jobs.models import Job, JobChunk

ATTEMPT = 0  # the first try is 1
PIECE = 256 * 1024


def store(job: Job) -> None:
    """Keep what the job is to work on, in the transaction that records it."""
    for number, start in enumerate(range(0, len(job.input), PIECE), 1):
        piece = job.input[start : start + PIECE]
        db.session.add(JobChunk(job_id=job.id, attempt=ATTEMPT, number=number, data=piece))


def all_but_input(identifier: str) -> Delete:
    """Remove what earlier tries wrote."""
    return delete(JobChunk).where(JobChunk.job_id == identifier, JobChunk.attempt != ATTEMPT)


def of(identifier: str) -> BinaryIO:
    """What the job was given, from its beginning, in constant memory."""
    return cast(BinaryIO, io.BufferedReader(Pieces(identifier)))


class Pieces(io.RawIOBase):
    """Reads one piece at a time, each by a connection of its own: what the task did so far stays
    uncommitted, and no transaction stays open while it looks at what it got.
    """

    def __init__(self, identifier: str) -> None:
        self._identifier = identifier
        self._number = 0
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._left:
            self._number += 1
            self._left = memoryview(self._piece())
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size

    def _piece(self) -> bytes:
        key = (JobChunk.job_id == self._identifier, JobChunk.attempt == ATTEMPT)
        wanted = select(JobChunk.data).where(*key, JobChunk.number == self._number)
        with db.engine.connect() as connection:
            return connection.scalar(wanted) or b""
