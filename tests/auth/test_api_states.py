"""API sign-ins at random: only the newest refresh token goes on, and an old one ends all."""

from typing import Any

from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, rule, run_state_machine_as_test
from sqlalchemy import delete

from app.auth import api_sessions
from app.auth.models import Session
from app.database import now
from app.extensions import db
from app.users.models import User
from tests.auth.programs import Program
from tests.tokens.deeds import me

PEOPLE = ("bob", "carol")
CHANGES = ("password", "role", "off", "on", "must reset", "may come", "delete", "restore", "name")


class SignIns(RuleBasedStateMachine):
    """The model beside the table: whose each sign-in is, which token is its newest, and whether it
    still lasts. A token is known by its sign-in: ``(family, refresh token, access token)``.
    """

    app: Flask
    tokens: Any = Bundle("tokens")

    def __init__(self) -> None:
        super().__init__()
        self.owners: list[str] = []
        self.newest: dict[int, str] = {}  # of the sign-ins that last
        self.changes = 0
        with self.app.app_context():
            db.session.execute(delete(Session))
            db.session.commit()
        for who in PEOPLE:
            self.let_in(who)

    def let_in(self, who: str) -> None:
        """As only somebody who may come in signs in; what they had ended when they were not."""
        with self.app.app_context():
            user = db.session.scalars(User.any_by_username(who)).unique().one()
            user.active, user.must_reset, user.deleted_at = True, False, None
            db.session.commit()

    @rule(target=tokens, who=st.sampled_from(PEOPLE))
    def sign_in(self, who: str) -> tuple[int, str, str]:
        self.let_in(who)
        with self.app.test_request_context():
            user = db.session.scalars(User.by_username(who)).unique().one()
            pair = api_sessions.begin(user)
        self.owners.append(who)
        family = len(self.owners) - 1
        self.newest[family] = pair.refresh
        return family, pair.refresh, pair.access

    @rule(target=tokens, token=tokens)
    def refresh(self, token: tuple[int, str, str]) -> tuple[int, str, str]:
        family, refresh, _ = token
        program = Program(self.app)
        answer = program.refresh(refresh)
        if self.newest.get(family) != refresh:
            assert answer.status_code == 401
            self.newest.pop(family, None)
            return token
        assert answer.status_code == 200
        assert program.cookie != refresh
        self.newest[family] = program.cookie
        return family, program.cookie, answer.json["access_token"]

    @rule(token=tokens)
    def act(self, token: tuple[int, str, str]) -> None:
        family, refresh, access = token
        lasts = family in self.newest
        assert me(self.app, access).status_code == (200 if lasts else 401)
        assert me(self.app, refresh).status_code == 401

    @rule(token=tokens)
    def log_out(self, token: tuple[int, str, str]) -> None:
        family, _, access = token
        lasted = self.newest.pop(family, None) is not None
        assert Program(self.app).logout(access).status_code == (200 if lasted else 401)

    @rule(who=st.sampled_from(PEOPLE), what=st.sampled_from(CHANGES))
    def change(self, who: str, what: str) -> None:
        self.changes += 1
        values: dict[str, Any] = {
            "password": {"password_hash": f"hash {self.changes}"},
            "role": {"is_superuser": bool(self.changes % 2)},
            "off": {"active": False},
            "on": {"active": True},
            "must reset": {"must_reset": True},
            "may come": {"must_reset": False},
            "delete": {"deleted_at": now()},
            "restore": {"deleted_at": None},
            "name": {"name": f"Renamed {self.changes}"},
        }[what]
        with self.app.app_context():
            user = db.session.scalars(User.any_by_username(who)).unique().one()
            is_new = any(getattr(user, name) != value for name, value in values.items())
            for name, value in values.items():
                setattr(user, name, value)
            db.session.commit()
        if is_new and what != "name":
            mine = [family for family in self.newest if self.owners[family] == who]
            self.newest = {key: self.newest[key] for key in self.newest if key not in mine}

    @rule(who=st.sampled_from(PEOPLE), what=st.sampled_from(("off", "must reset", "delete")))
    def shut_out_for_a_moment(self, who: str, what: str) -> None:
        token = self.sign_in(who)
        self.change(who, what)
        self.let_in(who)
        self.act(token)


def test_whatever_happens_only_the_newest_token_of_a_sign_in_goes_on(app: Flask) -> None:
    few = settings(
        max_examples=10,
        stateful_step_count=20,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(type("Here", (SignIns,), {"app": app}), settings=few)
