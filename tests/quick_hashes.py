"""Hashes that take no time, for the many tests in which a password is only a password.

What hashing costs, and how strong it is, is tested with the real ones: ``real_hashes``.
"""

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from app import passwords

REAL = (passwords.HASHER, passwords.NOBODY)
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def use_quick_hashes() -> None:
    passwords.HASHER, passwords.NOBODY = QUICK, QUICK.hash("nobody has this password")


@pytest.fixture
def real_hashes() -> Iterator[None]:
    """What people get; also who the test starts with."""
    from tests import people

    quick = (passwords.HASHER, passwords.NOBODY), people.HASH
    passwords.HASHER, passwords.NOBODY = REAL
    people.HASH = passwords.hash_password(people.PASSWORD)
    yield
    (passwords.HASHER, passwords.NOBODY), people.HASH = quick
