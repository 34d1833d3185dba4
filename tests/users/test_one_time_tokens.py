"""One-time tokens, driven at random: a token opens its door once, or not at all."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select, update

from app.database import now
from app.extensions import db
from app.users import links
from app.users.models import User
from app.users.one_time import MOST_TRIES, OneTimeToken, digest

PURPOSES = tuple(links.LASTS)
NOBODYS = ("sign-up", "sign-in")  # begun by somebody who is not known yet
PEOPLE = ("bob", "carol")
CHANGES = (
    *("password", "email", "off", "on", "must reset", "may come", "delete", "restore", "name"),
)


def facts_of(user: User) -> tuple[Any, ...]:
    """What a token hangs on; written out, so that nothing falls out of the fingerprint."""
    standing = (user.active, user.deleted_at is None, user.must_reset)
    return (user.password_hash, user.email, *standing)


def spent_elsewhere(app: Flask, identifier: int, both: Barrier) -> bool:
    """Spend the row as another request does, which found it when this one did."""
    with app.app_context():
        row = db.session.get_one(OneTimeToken, identifier)
        both.wait(10)
        won = links.spend(row)
        db.session.commit()
        return won


class Tokens(RuleBasedStateMachine):
    """The model beside the table: for each token its person, purpose, state, tries and end."""

    app: Flask
    tokens: Any = Bundle("tokens")

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, dict[str, Any]] = {}
        self.spent: list[str] = []
        self.changes = 0
        db.session.execute(OneTimeToken.__table__.delete())
        for user in map(self.person, PEOPLE):
            user.active, user.deleted_at, user.must_reset = True, None, False
        db.session.commit()

    def person(self, name: str) -> User:
        return db.session.scalars(User.any_by_username(name)).unique().one()

    @rule(target=tokens, who=st.sampled_from(PEOPLE), purpose=st.sampled_from(PURPOSES))
    def issue(self, who: str, purpose: str) -> str:
        user = self.person(who)
        token = links.issue(purpose, user, note=1)
        db.session.commit()
        self.known[token] = {
            "who": who, "purpose": purpose, "facts": facts_of(user), "tries": 0, "over": False
        }  # fmt: skip
        return token

    @rule(target=tokens, purpose=st.sampled_from(NOBODYS))
    def issue_to_nobody(self, purpose: str) -> str:
        token = links.issue(purpose, None, email="dora@example.com")
        db.session.commit()
        self.known[token] = {
            "who": "", "purpose": purpose, "tries": 0, "over": False
        }  # fmt: skip
        return token

    @rule(token=tokens, purpose=st.sampled_from(PURPOSES))
    def look(self, token: str, purpose: str) -> None:
        row = links.find(purpose, token)
        assert (row is not None) == self.opens(token, purpose)
        db.session.rollback()

    def opens(self, token: str, purpose: str) -> bool:
        facts = self.known.get(token)
        if facts is None or facts["purpose"] != purpose or facts["over"]:
            return False
        if not facts["who"]:
            return bool(facts["tries"] < MOST_TRIES)
        user = self.person(facts["who"])
        usable = facts["tries"] < MOST_TRIES and user.active and user.deleted_at is None
        return bool(usable and facts["facts"] == facts_of(user))

    @rule(token=tokens)
    def spend(self, token: str) -> None:
        facts = self.known.get(token)
        row = links.find(facts["purpose"], token) if facts else None
        if row is None:
            return
        assert token not in self.spent
        assert links.spend(row)
        db.session.commit()
        self.spent.append(token)
        del self.known[token]

    @rule(token=tokens)
    def two_spend_at_once(self, token: str) -> None:
        facts = self.known.get(token)
        row = links.find(facts["purpose"], token) if facts else None
        if row is None:
            return
        identifier, both = row.id, Barrier(2)
        db.session.rollback()
        with ThreadPoolExecutor(2) as pool:  # each thread has a connection of its own
            asked = [pool.submit(spent_elsewhere, self.app, identifier, both) for _ in range(2)]
            won = [each.result() for each in asked]
        assert sorted(won) == [False, True]
        self.spent.append(token)
        del self.known[token]

    @rule(token=tokens)
    def guess_wrong(self, token: str) -> None:
        facts = self.known.get(token)
        row = links.find(facts["purpose"], token) if facts else None
        if facts is None or row is None:
            return
        db.session.execute(OneTimeToken.tried(row.id))
        db.session.commit()
        facts["tries"] += 1

    @rule(token=tokens)
    def let_it_expire(self, token: str) -> None:
        before = now() - timedelta(seconds=1)
        mine = update(OneTimeToken).where(OneTimeToken.token_hash == digest(token))
        db.session.execute(mine.values(expires_at=before))
        db.session.commit()
        if token in self.known:
            self.known[token]["over"] = True

    @rule(who=st.sampled_from(PEOPLE), what=st.sampled_from(CHANGES))
    def change(self, who: str, what: str) -> None:
        user, self.changes = self.person(who), self.changes + 1
        field, value = {
            "password": ("password_hash", f"hash {self.changes}"),
            "email": ("email", f"{who}{self.changes}@example.com"),
            "off": ("active", False),
            "on": ("active", True),
            "must reset": ("must_reset", True),
            "may come": ("must_reset", False),
            "delete": ("deleted_at", now()),
            "restore": ("deleted_at", None),
            "name": ("name", f"Renamed {self.changes}"),
        }[what]
        setattr(user, field, value)
        db.session.commit()

    @rule(
        who=st.sampled_from(PEOPLE),
        what=st.sampled_from(CHANGES),
        purpose=st.sampled_from(PURPOSES),
    )
    def change_and_look(self, who: str, what: str, purpose: str) -> None:
        token = self.issue(who, purpose)
        self.change(who, what)
        self.look(token, purpose)

    @rule()
    def tidy(self) -> None:
        db.session.execute(OneTimeToken.over())
        db.session.commit()
        self.known = {token: facts for token, facts in self.known.items() if not facts["over"]}

    @rule(token=tokens)
    def forge(self, token: str) -> None:
        for forged in (token[:-1], token + "A", token.swapcase(), digest(token), ""):
            assert all(links.find(purpose, forged) is None for purpose in PURPOSES)
        db.session.rollback()

    @invariant()
    def no_token_is_stored(self) -> None:
        hashes = set(db.session.scalars(select(OneTimeToken.token_hash)))
        assert {digest(token) for token, facts in self.known.items()} <= hashes
        assert hashes.isdisjoint(self.known)
        assert hashes.isdisjoint(map(digest, self.spent))
        db.session.rollback()


@pytest.fixture
def in_context(app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


def test_whatever_happens_a_token_opens_its_door_once(in_context: Flask) -> None:
    few = settings(
        max_examples=14,
        stateful_step_count=20,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(type("Here", (Tokens,), {"app": in_context}), settings=few)
