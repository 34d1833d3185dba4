"""How many statements each page and call takes: no more than is stated, however long the list."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from app.audit.models import Event
from app.auth.models import Session
from app.database import now
from app.extensions import db
from app.jobs.models import Job
from app.mail.models import Mail
from app.tiers.models import RateLimit, Tier
from app.tokens.models import ApiToken
from app.users.models import User
from tests.calls import Caller
from tests.people import Browser, person
from tests.statements import statements

FEW, MANY = 2, 20
# For Alice, an operator. One statement of each page asks who it is, and two are the news in its
# frame: which of her tasks ended, and how many jobs failed.
PAGES = {
    "/": 5,
    "/tasks": 6,
    "/users": 6,
    "/users?q=extra&tier=tier1&state=active&sort=name": 7,
    "/users/bob": 6,
    "/tiers": 6,
    "/tiers/pro": 8,
    "/compare": 6,
    "/jobs": 15,
    "/jobs?q=demo&state=failed": 15,
    "/users/bob/edit": 5,
    "/tiers/pro/delete": 5,
    "/users/bob/sessions": 7,
    "/tasks/news": 2,
    f"/tasks/{0:032x}": 5,
    "/mail": 4,
    "/profile/data": 3,
    "/audit": 4,
    "/activity": 4,
    "/security": 7,
    "/tokens": 4,
    "/profile": 3,
    "/quotas": 4,
    "/system": 6,
    "/developers/api": 4,
}
CALLS = {
    "/user/me/": 1,
    "/users": 3,
    "/users?q=extra&sort=-name&tier=tier1": 3,
    "/user/bob": 2,
    "/user/bob/rate_limits": 3,
    "/user/bob/tier": 2,
    "/tiers": 3,
    "/tier/pro": 2,
    "/tier/pro/rate_limits": 4,
    "/rate_limits/me": 2,
    f"/tasks/task/{0:032x}": 2,
}


def fill(app: Flask, first: int, last: int) -> None:
    """More of everything that is listed, each of somebody else: what is loaded for one row must
    not be what another row needs. Alice has more of her own, too.
    """
    with app.app_context():
        alice = db.session.scalars(User.by_username("alice")).unique().one()
        for number in range(first, last):
            limit = RateLimit(route="jobs.start", methods="POST", limit=3, period=60)
            tier = Tier(name=f"tier{number}", limits=[limit])
            extra = person(f"extra{number}", f"Extra {number}", tier)
            db.session.add_all([tier, extra, failed_job(number, alice)])
            db.session.add_all([failed_job(1000 + number, extra), *ways_in(alice), a_mail(number)])
            db.session.flush()
            db.session.add_all([made(tier, extra), made(tier, alice)])
        db.session.commit()


def failed_job(number: int, owner: User) -> Job:
    ended = {"status": "failed", "run_at": now(), "finished_at": now()}
    return Job(id=f"{number:032x}", task="demonstration", owner=owner, **ended)


def ways_in(user: User) -> tuple[Session, ApiToken]:
    """One more session and one more token."""
    later = timedelta(days=1)
    session, _ = Session.begin(user, later, later, "127.0.0.1", "test")
    token, _ = ApiToken.made(user, "Script", "read", now() + later)
    return session, token


def a_mail(number: int) -> Mail:
    return Mail(to=f"extra{number}@example.com", subject="Hello", text="Hello", html="Hello")


def made(tier: Tier, by: User) -> Event:
    """What is on record of a tier that somebody made."""
    who = {"actor_id": by.id, "actor_name": by.name}
    what = {"subject_kind": "tier", "subject_id": tier.id, "subject_name": tier.name}
    return Event(action="tier.created", **who, **what)


def taken(app: Flask, ask: Callable[[], int]) -> int:
    """How many statements it takes when a process has done it before."""
    assert ask() == 200
    with statements(app) as said:
        ask()
    return len(said)


@pytest.fixture
def measure(app: Flask, alice: Browser) -> Callable[[], dict[str, int]]:
    program = Caller(app, "alice")

    def every() -> dict[str, int]:
        asked = {path: (lambda path=path: alice.get(path).status_code) for path in PAGES}
        calls = {path: (lambda path=path: program.get(path).status_code) for path in CALLS}
        found = {path: taken(app, ask) for path, ask in asked.items()}
        return found | {f"api {path}": taken(app, ask) for path, ask in calls.items()}

    return every


def test_no_page_and_no_call_takes_more_statements_than_is_stated(
    app: Flask, measure: Callable[[], dict[str, int]]
) -> None:
    stated = PAGES | {f"api {path}": many for path, many in CALLS.items()}
    fill(app, 0, FEW)
    with_few = measure()
    fill(app, FEW, MANY)
    with_many = measure()

    assert {path: many for path, many in with_few.items() if many > stated[path]} == {}
    assert {path: many for path, many in with_many.items() if many > with_few[path]} == {}
