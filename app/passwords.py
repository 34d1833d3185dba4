"""Passwords: argon2id (RFC 9106) with the parameters of OWASP ASVS 5.0, 11.4.2."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# 19 MiB, two passes, one lane: about 20 ms on one core.
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# One hash fills a core; more than this at once would starve every other request.
AT_ONCE = BoundedSemaphore(2)
PATIENCE_SECONDS = 2.0
NOBODY = HASHER.hash("nobody has this password")


class Busy(Exception):
    """More passwords are being checked than this machine can do soon."""


@contextmanager
def turn() -> Iterator[None]:
    """Wait for one's turn to hash, but not for long. Raises Busy."""
    if not AT_ONCE.acquire(timeout=PATIENCE_SECONDS):
        raise Busy
    try:
        yield
    finally:
        AT_ONCE.release()


def hash_password(password: str) -> str:
    """The encoded argon2id hash of ``password``."""
    with turn():
        return HASHER.hash(password)


def is_right(encoded: str | None, password: str) -> bool:
    """Whether ``password`` made ``encoded``.

    Without a hash one is checked all the same, so that time does not tell who exists.
    """
    with turn():
        try:
            right = HASHER.verify(encoded or NOBODY, password)
        except (VerificationError, InvalidHashError):
            return False
    return right and encoded is not None


def is_outdated(encoded: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return HASHER.check_needs_rehash(encoded)
