"""People without pages: states, names, uniqueness and how they are found."""

import argon2
import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError

from app.database import now
from app.errors import Stale, Taken
from app.extensions import db
from app.passwords import is_outdated
from app.users import deeds
from app.users.models import User
from tests.people import PASSWORD, person
from tests.users.saved import add, change, saved


@pytest.mark.parametrize(
    ("values", "state", "is_active"),
    [
        ({}, "active", True),
        ({"password_hash": None}, "invited", True),
        ({"active": False}, "deactivated", False),
        ({"deleted_at": now()}, "deleted", False),
        ({"deleted_at": now(), "active": False}, "deleted", False),
        ({"active": False, "password_hash": None}, "deactivated", False),
    ],
)
def test_a_person_is_in_one_state(
    app: Flask, values: dict[str, object], state: str, is_active: bool
) -> None:
    dora = add(app, "dora", **values)

    assert (dora.state, dora.is_active) == (state, is_active)


@pytest.mark.parametrize(
    ("name", "initials"),
    [("Bob Baker", "BB"), ("bob", "B"), ("Ana María de la Cruz", "AC"), ("élodie å", "ÉÅ")],
)
def test_initials_are_the_first_and_the_last(name: str, initials: str) -> None:
    assert person("dora", name).initials == initials


def test_a_name_is_taken_only_by_the_living(app: Flask) -> None:
    add(app, "dora", deleted_at=now())
    add(app, "dora", deleted_at=now())
    add(app, "dora")

    with pytest.raises(IntegrityError):
        add(app, "dora", email="other@example.com")
    with pytest.raises(IntegrityError):
        add(app, "other", email="dora@example.com")


@pytest.mark.parametrize(
    ("values", "field"),
    [({"username": "bob"}, "username"), ({"email": "bob@example.com"}, "email")],
)
def test_what_is_taken_is_named(app: Flask, values: dict[str, str], field: str) -> None:
    with app.app_context():
        dora = person("dora")
        for name, value in values.items():
            setattr(dora, name, value)
        db.session.add(dora)

        with pytest.raises(Taken) as taken:
            deeds.save(dora)

        assert taken.value.field == field


def test_a_change_moves_the_version_and_a_late_one_is_stale(app: Flask) -> None:
    with app.app_context():
        bob = db.session.scalars(User.by_username("bob")).one()
        assert bob.version == 1
        db.session.rollback()
        bob = db.session.scalars(User.by_username("bob")).one()
        with app.app_context():
            change(app, "bob", name="Bob Brown")
        bob.name = "Bob Black"

        with pytest.raises(Stale):
            deeds.save(bob)

    bob = saved(app, "bob")
    assert (bob.name, bob.version) == ("Bob Brown", 2)


def test_only_somebody_with_a_password_has_it(app: Flask) -> None:
    bob, dora = saved(app, "bob"), add(app, "dora", password_hash=None)

    assert bob.has_password(PASSWORD)
    assert not bob.has_password(PASSWORD + " ")
    assert not bob.has_password("")
    assert not dora.has_password("nobody has this password")
    assert not dora.has_password("")


def test_an_old_hash_is_replaced_unless_the_password_changed_meanwhile(app: Flask) -> None:
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1)
    change(app, "bob", password_hash=weak.hash(PASSWORD))
    bob = saved(app, "bob")
    assert bob.has_outdated_hash

    with app.app_context():
        db.session.execute(bob.rehashed(PASSWORD))
        db.session.commit()
    renewed = saved(app, "bob")
    assert not is_outdated(renewed.password_hash or "")
    assert renewed.has_password(PASSWORD)
    assert renewed.version == bob.version

    with app.app_context():
        db.session.execute(bob.rehashed("the old password"))
        db.session.commit()
    assert saved(app, "bob").has_password(PASSWORD)


def test_a_login_finds_only_the_living(app: Flask) -> None:
    add(app, "dora", "Old Dora", deleted_at=now())
    add(app, "dora", "New Dora")

    with app.app_context():
        for login in ("dora", " DORA ", "dora@example.com"):
            assert [user.name for user in db.session.scalars(User.by_login(login))] == ["New Dora"]
        assert db.session.scalar(User.by_login("alice' --")) is None
        assert db.session.scalar(User.by_login("%")) is None


def test_usernames_that_begin_alike(app: Flask) -> None:
    add(app, "bob2")
    add(app, "bob3", deleted_at=now())

    with app.app_context():
        assert sorted(db.session.scalars(User.usernames_like("bob"))) == ["bob", "bob2"]
        assert list(db.session.scalars(User.usernames_like("b_b"))) == []
        assert list(db.session.scalars(User.usernames_like("%"))) == []


def test_those_in_charge_are_superusers_who_can_sign_in(app: Flask) -> None:
    add(app, "off", is_superuser=True, active=False)
    add(app, "gone", is_superuser=True, deleted_at=now())

    with app.app_context():
        assert [user.username for user in db.session.scalars(User.superusers())] == ["alice"]


def test_a_tier_knows_how_many_living_people_it_has(app: Flask) -> None:
    add(app, "gone", tier="free", deleted_at=now())

    with app.app_context():
        bob = db.session.scalars(User.by_username("bob")).one()
        assert bob.tier is not None
        assert bob.tier.people == 2
