"""Passwords: argon2id (RFC 9106) with the parameters of OWASP ASVS 5.0, 11.4.2."""

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# 19 MiB, two passes, one lane: about 20 ms on one core.
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# In each web process: one hash fills a core, and whoever reads a page needs one too.
AT_ONCE = BoundedSemaphore(1)
PATIENCE_SECONDS = 2.0
NOBODY = HASHER.hash("nobody has this password")


class Line:
    """Who hashes or waits for it."""

    def __init__(self) -> None:
        self.leave_one_free(threads=4)

    def leave_one_free(self, threads: int) -> None:
        """Of the server's threads one always stays out of the line, for those who read pages."""
        self.places = BoundedSemaphore(max(1, threads - 1))


LINE = Line()


class Busy(Exception):
    """More passwords are being checked than this machine can do soon."""


@contextmanager
def turn() -> Iterator[None]:
    """Wait for one's turn to hash, but not for long, nor in a long line. Raises Busy."""
    places = LINE.places
    if not places.acquire(blocking=False):
        raise Busy
    try:
        if not AT_ONCE.acquire(timeout=PATIENCE_SECONDS):
            raise Busy
        try:
            yield
        finally:
            AT_ONCE.release()
    finally:
        places.release()


def hash_password(password: str) -> str:
    """The encoded argon2id hash of ``password``."""
    with turn():
        return HASHER.hash(spellings(password)[0])


def is_right(encoded: str | None, password: str) -> bool:
    """Whether ``password`` made ``encoded``.

    Without a hash one is checked all the same, so that time does not tell who exists.
    """
    with turn():
        right = any([made(encoded or NOBODY, each) for each in spellings(password)])
    return right and encoded is not None


def made(encoded: str, password: bytes) -> bool:
    try:
        return HASHER.verify(encoded, password)
    except (VerificationError, InvalidHashError):
        return False


def spellings(password: str) -> list[bytes]:
    """What is hashed: a letter with an accent is the same however a keyboard composes it (NFC, as
    RFC 8265 says). Then what was typed, if that differs: hashes from before may be of that.
    """
    composed = unicodedata.normalize("NFC", password)
    return [each.encode("utf-8", "surrogatepass") for each in dict.fromkeys((composed, password))]


def is_outdated(encoded: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return HASHER.check_needs_rehash(encoded)
