"""One-time tokens, driven at random: a token opens its door once, or not at all."""

from collections.abc import Iterator
from datetime import timedelta
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
from app.users.one_time import MOST_TRIES, OneTimeToken, digest, fingerprint

PURPOSES = ("reset", "confirm", "email")
PEOPLE = ("bob", "carol")


class Tokens(RuleBasedStateMachine):
    """The model beside the table: for each token its person, purpose, state, tries and end."""

    tokens: Any = Bundle("tokens")

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, dict[str, Any]] = {}
        self.spent: list[str] = []
        self.changes = 0
        db.session.execute(OneTimeToken.__table__.delete())
        for user in map(self.person, PEOPLE):
            user.active, user.deleted_at = True, None
        db.session.commit()

    def person(self, name: str) -> User:
        return db.session.scalars(User.any_by_username(name)).unique().one()

    @rule(target=tokens, who=st.sampled_from(PEOPLE), purpose=st.sampled_from(PURPOSES))
    def issue(self, who: str, purpose: str) -> str:
        user = self.person(who)
        token = links.issue(purpose, user, note=1)
        db.session.commit()
        self.known[token] = {
            "who": who, "purpose": purpose, "state": fingerprint(user), "tries": 0, "over": False
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
        user = self.person(facts["who"])
        usable = facts["tries"] < MOST_TRIES and user.is_active
        return bool(usable and facts["state"] == fingerprint(user))

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
        identifier = row.id
        won = [links.spend(row)]
        again = db.session.execute(OneTimeToken.spent(identifier))
        won.append(bool(again.rowcount))  # type: ignore[attr-defined]
        db.session.commit()
        assert won == [True, False]
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

    @rule(who=st.sampled_from(PEOPLE), what=st.sampled_from(("password", "email", "off", "on")))
    def change(self, who: str, what: str) -> None:
        user, self.changes = self.person(who), self.changes + 1
        if what == "password":
            user.password_hash = f"hash {self.changes}"
        elif what == "email":
            user.email = f"{who}{self.changes}@example.com"
        else:
            user.active = what == "on"
        db.session.commit()

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
def in_context(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def test_whatever_happens_a_token_opens_its_door_once(in_context: None) -> None:
    few = settings(
        max_examples=25,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Tokens, settings=few)
