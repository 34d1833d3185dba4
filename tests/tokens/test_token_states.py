"""Personal API tokens, driven at random: what a token opens follows from what was done to it."""

from datetime import timedelta
from typing import Any

from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, rule, run_state_machine_as_test
from sqlalchemy import delete, update

from app.database import now
from app.extensions import db
from app.tokens.models import SCOPES, ApiToken
from app.users.one_time import digest
from tests.people import HASH, Browser
from tests.tokens.deeds import bearing, me, token_of, tokens_of
from tests.users.saved import change, saved

PEOPLE = ("bob", "carol")


class Tokens(RuleBasedStateMachine):
    """The model beside the table: whose each token is, its scope, and whether it still lasts."""

    app: Flask
    tokens: Any = Bundle("tokens")

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, tuple[str, str]] = {}
        self.lasting: set[str] = set()
        self.changes = 0
        with self.app.app_context():
            db.session.execute(delete(ApiToken))
            db.session.commit()
        for who in PEOPLE:
            facts: dict[str, Any] = {"password_hash": HASH, "name": who.capitalize()}
            change(self.app, who, active=True, must_reset=False, **facts)

    @rule(target=tokens, who=st.sampled_from(PEOPLE), scope=st.sampled_from(SCOPES))
    def make(self, who: str, scope: str) -> str:
        self.let_in(who)
        token = token_of(self.app, who, scope)
        self.known[token] = (who, scope)
        self.lasting.add(token)
        return token

    def let_in(self, who: str) -> None:
        """Nobody makes or revokes a token while shut out; what they had ended then."""
        change(self.app, who, active=True, must_reset=False)

    @rule(token=tokens)
    def use(self, token: str) -> None:
        who, scope = self.known[token]
        self.changes += 1
        name = f"{who} {self.changes}"
        client, headers = self.app.test_client(), bearing(token)
        read = me(self.app, token)
        written = client.patch(f"/api/v1/user/{who}", json={"name": name}, headers=headers)

        lasts = token in self.lasting
        assert read.status_code == (200 if lasts else 401)
        may_write = 200 if scope == "write" else 403
        assert written.status_code == (may_write if lasts else 401)
        assert (saved(self.app, who).name == name) == (written.status_code == 200)

    @rule(token=tokens)
    def let_it_expire(self, token: str) -> None:
        with self.app.app_context():
            mine = update(ApiToken).where(ApiToken.token_hash == digest(token))
            db.session.execute(mine.values(expires_at=now() - timedelta(seconds=1)))
            db.session.commit()
        self.lasting.discard(token)

    @rule(token=tokens)
    def revoke(self, token: str) -> None:
        who, _ = self.known[token]
        self.let_in(who)
        for row in tokens_of(self.app, who):
            if row.token_hash == digest(token):
                answer = Browser(self.app, who).post(f"/tokens/{row.id}/revoke")
                assert answer.status_code == 303
        self.lasting.discard(token)

    @rule(token=tokens, way=st.sampled_from(("cut", "longer", "hash")))
    def forge(self, token: str, way: str) -> None:
        forged = {"cut": token[:-1], "longer": token + "A", "hash": digest(token)}[way]
        assert me(self.app, forged).status_code == 401

    @rule(who=st.sampled_from(PEOPLE), what=st.sampled_from(("password", "off", "must_reset")))
    def shut_out(self, who: str, what: str) -> None:
        """Or change the password: whatever a program was trusted with is over."""
        self.changes += 1
        values: dict[str, Any] = {
            "password": {"password_hash": f"hash {self.changes}"},
            "off": {"active": False},
            "must_reset": {"must_reset": True},
        }[what]
        change(self.app, who, **values)
        self.lasting = {each for each in self.lasting if self.known[each][0] != who}

    @rule(who=st.sampled_from(PEOPLE))
    def let_in_again(self, who: str) -> None:
        self.let_in(who)

    @rule(who=st.sampled_from(PEOPLE), what=st.sampled_from(("off", "must_reset", "password")))
    def shut_out_for_a_moment(self, who: str, what: str) -> None:
        token = self.make(who, "write")
        self.shut_out(who, what)
        self.let_in(who)
        self.use(token)

    @rule(who=st.sampled_from(PEOPLE))
    def rename(self, who: str) -> None:
        """Which nobody's trust hangs on."""
        self.changes += 1
        change(self.app, who, name=f"Renamed {self.changes}")


def test_whatever_happens_a_token_opens_what_it_may_and_no_longer_than_it_may(app: Flask) -> None:
    few = settings(
        max_examples=12,
        stateful_step_count=15,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(type("Here", (Tokens,), {"app": app}), settings=few)
