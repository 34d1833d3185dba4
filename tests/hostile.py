"""What somebody who means harm sends to a door, and the world in which it is sent.

Fields and parameters are read from the code and the templates, so that those to come are sent too.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache

from flask import Flask

from app.config import PROJECT_ROOT
from app.extensions import db
from app.users import links
from app.users.models import User
from tests import given
from tests.conftest import forget_everything
from tests.factors.held import give_app, give_passkey, half_in
from tests.jobs.deeds import start
from tests.people import HASH, PASSWORD, Browser, make_cast
from tests.tokens.deeds import token_of
from tests.users.saved import add

VALUES = (
    *("9" * 6000, "-1", "99999999999999999999", "1e400", "NaN", "٣", "\r\nX-Evil: 1", ""),
    *("a" * 600 + "é", "{{7*7}}<script>'\"%_\\", "https://[::1", "../../.env", "\u202e😀\u2028"),
    *("[" * 1200, '{"id": "\\ud800", "response": {"clientDataJSON": 1}}', '{"id": [], "rawId": 1}'),
    *("null", "\\ud800", "2000-13-45", "a.b.c", "a@b@c", "0", "x" * 254 + "@example.com"),
)
# What gets a form past its first fields, so that the others are looked at.
GOOD = {
    **dict.fromkeys(("login", "name"), "bob"),
    **dict.fromkeys(("password", "confirm_password", "current_password"), PASSWORD),
    **dict.fromkeys(("new_password",), "seven green bottles"),
    **dict.fromkeys(("email", "new_email"), "robert@example.com"),
    **{
        "username": "robert",
        "tier": "pro",
        "unit": "hours",
        "every": "2",
        "limit": "5",
        "to": "pro",
    },
    **{"task": "demonstration", "scope": "read", "days": "7", "time_zone": "Europe/Berlin"},
    **{"theme": "dark", "route": "jobs.start", "next": "/", "code": "123456", "picture": ""},
    **dict.fromkeys(("check", "undo"), ""),
    **given.GOOD,
    **{"state": "queued", "deed": "cancel"},
}
NAMES = re.compile(r'\bname="(\w+)"|\.(?:get|pop)\("(\w+)"|^ {4}(\w+) = \w*Field\(', re.M)
RAW = "%ff=%fe&page=%ed%a0%80&=&==&&%&%zz=%"


@cache
def names() -> list[str]:
    """Of every field and parameter that a page shows or a door reads."""
    files = [*PROJECT_ROOT.glob("app/**/*.py"), *PROJECT_ROOT.glob("templates/**/*.html")]
    found = {name for file in files for pair in NAMES.findall(file.read_text()) for name in pair}
    return sorted(found - {"", "csrf_token", "viewport", "description"})


def forms(rounds: int, first: int = 0) -> Iterator[dict[str, str]]:
    """Odd ones are hostile in every field; even ones in each fourth, and good in the others."""
    fields = names()
    for number in range(first, first + rounds):
        bad = {
            name: VALUES[(at * 7 + number * 5) % len(VALUES)]
            for at, name in enumerate(fields)
            if number % 2 or (at + number // 2) % 4 == 0
        }
        yield {**{name: GOOD.get(name, "1") for name in fields}, **bad}


HUGE = dict.fromkeys(names(), "9" * 20)


def given_things(app: Flask) -> Callable[[str], str]:
    """Fill the database; returns how to put a link or a number that exists into a path."""
    with app.app_context():
        forget_everything()
        make_cast()
    given.give(app)
    give_app(app, "mallory")
    token_of(app, "bob")
    give_passkey(app, "bob")
    job, found = start(app, "demonstration", "alice"), tokens(app)

    def real(path: str) -> str:
        door, _, last = path.rpartition("/")
        if last == "bob" and door in found:
            return f"{door}/{found[door]}"
        path = path.replace("/queues/free/", "/queues/default/")
        return path.replace("/tasks/bob", f"/tasks/{job}").replace("/jobs/bob", f"/jobs/{job}")

    return real


def tokens(app: Flask) -> dict[str, str]:
    """A living token for each door that a mailed link leads to."""
    guest = add(app, "guest", password_hash=None)
    with app.app_context():
        carol = db.session.scalars(User.by_username("carol")).unique().one()
        facts = {"name": "Dora", "username": "dora", "email": "dora@example.com"}
        found = {
            "/welcome": links.invitation(guest),
            "/sign-up/finish": links.issue("sign-up", None, **facts, password_hash=HASH),
            "/reset": links.issue("reset", carol),
            "/confirm-email": links.issue("confirm", carol),
            "/change-email": links.issue("email", carol, email="new@example.com"),
        }
        db.session.commit()
    return found


def come_in(app: Flask, role: str, path: str) -> Browser:
    """A stranger, Bob, Alice, or Mallory after the password and before the second step.

    Where ``path`` leads to second factors, adding both kinds has begun.
    """
    if role == "half":
        return half_in(Browser(app), "mallory")
    browser = Browser(app, role if role in ("bob", "alice") else None)
    if browser.username and path.startswith("/security"):
        browser.post("/security/app/new")
        browser.post("/security/passkeys/new")
    return browser
