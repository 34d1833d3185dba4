"""Passwords: strong hashes, the same work whoever exists, and stronger ones in time."""

import re
from typing import Any

import argon2
import pytest
from argon2 import PasswordHasher

from app import passwords
from app.passwords import hash_password, is_outdated, is_right
from app.users.models import User

pytestmark = pytest.mark.usefixtures("real_hashes")
WEAK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def test_a_hash_is_argon2id_with_enough_memory_and_passes() -> None:
    encoded = hash_password("lilac vase")

    found = argon2.extract_parameters(encoded)
    assert found.type is argon2.Type.ID
    assert found.memory_cost >= 19 * 1024
    assert found.time_cost >= 2
    assert found.parallelism == 1
    assert len(encoded) <= 255


def test_the_right_password_opens_and_no_other() -> None:
    encoded = hash_password("lilac vase")

    assert is_right(encoded, "lilac vase")
    for wrong in ("", "lilac vas", "lilac vase ", "Lilac vase"):
        assert not is_right(encoded, wrong)


def test_no_two_hashes_are_alike() -> None:
    assert hash_password("lilac vase") != hash_password("lilac vase")


def test_nothing_of_a_long_password_is_cut_off() -> None:
    long = "é" * 127
    encoded = hash_password(long + "a")

    assert is_right(encoded, long + "a")
    assert not is_right(encoded, long + "b")


def test_an_accent_is_the_same_however_it_is_composed() -> None:
    composed, in_two = "caf\u00e9 au lait", "cafe\u0301 au lait"

    assert is_right(hash_password(composed), in_two)
    assert is_right(hash_password(in_two), composed)
    assert not is_right(hash_password(composed), "cafe au lait")


def test_a_hash_from_before_accents_were_composed_still_opens() -> None:
    in_two = "cafe\u0301 au lait"

    assert is_right(passwords.HASHER.hash(in_two), in_two)


def test_even_half_a_character_can_be_checked() -> None:
    assert not is_right(hash_password("lilac vase"), "lilac \ud800")


@pytest.mark.parametrize("encoded", ["", "nonsense", "$argon2id$v=19$m=1", "$2b$12$" + "a" * 53])
def test_a_damaged_hash_opens_to_nobody(encoded: str) -> None:
    assert not is_right(encoded, "lilac vase")


class Watched:
    """The real hasher, noting what it was asked to verify."""

    def __init__(self, hasher: PasswordHasher) -> None:
        self.hasher = hasher
        self.verified: list[str] = []

    def verify(self, encoded: str, password: str) -> Any:
        self.verified.append(encoded)
        return self.hasher.verify(encoded, password)


def test_for_nobody_one_hash_is_checked_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(passwords.HASHER)
    monkeypatch.setattr(passwords, "HASHER", watched)

    assert not is_right(None, "nobody has this password")
    assert not User().has_password("nobody has this password")

    assert watched.verified == [passwords.NOBODY, passwords.NOBODY]
    real = argon2.extract_parameters(hash_with(watched.hasher))
    assert argon2.extract_parameters(passwords.NOBODY) == real


def hash_with(hasher: PasswordHasher) -> str:
    return hasher.hash("x")


def test_a_weaker_hash_still_opens_and_is_known_as_outdated() -> None:
    weak = WEAK.hash("lilac vase")

    assert is_right(weak, "lilac vase")
    assert is_outdated(weak)
    assert not is_outdated(hash_password("lilac vase"))


def test_the_password_itself_is_nowhere_in_its_hash() -> None:
    assert not re.search("lilac", hash_password("lilac"))


@pytest.mark.parametrize(
    "weaker", [{"time_cost": 1}, {"memory_cost": 19 * 1024 - 8}, {"type": argon2.Type.I}]
)
def test_each_weaker_parameter_makes_a_hash_outdated(weaker: dict[str, Any]) -> None:
    ours = {"time_cost": 2, "memory_cost": 19 * 1024, "parallelism": 1}

    assert is_outdated(PasswordHasher(**{**ours, **weaker}).hash("lilac vase"))
    assert not is_outdated(PasswordHasher(**ours).hash("lilac vase"))
