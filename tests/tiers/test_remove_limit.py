"""An operator removes a limit; the default applies from then on."""

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.extensions import db
from app.tiers.models import RateLimit
from tests.people import Browser, undo_of
from tests.tiers.screen import focus_of, limit_id, rules_of, set_limit
from tests.tiers.test_edit_limit import version_in


@pytest.fixture
def address(app: Flask) -> str:
    return f"/tiers/pro/limits/{limit_id(app, 'pro')}/delete"


def test_admin_removes_a_limit(app: Flask, alice: Browser, address: str) -> None:
    answer = alice.post(address)

    assert answer.status_code == 303
    assert answer.location == "/tiers/pro"
    assert rules_of(app, "pro") == {}
    assert "Limit for Background tasks removed" in alice.get("/tiers/pro").text


def test_htmx_gets_the_table_with_the_focus_on_its_heading(
    app: Flask, alice: Browser, address: str
) -> None:
    answer = alice.htmx_post(address)

    assert answer.status_code == 200
    assert answer.headers["HX-Retarget"] == "#limits"
    assert focus_of(answer.text) == ["limits-h"]
    assert "10 requests per hour</span>" not in answer.text
    assert rules_of(app, "pro") == {}


def test_the_focus_goes_to_the_next_row(app: Flask, alice: Browser, address: str) -> None:
    set_limit(app, "pro", 5, 60, route="reports.make")

    answer = alice.htmx_post(address)

    assert focus_of(answer.text) == [f"edit-limit-{limit_id(app, 'pro', 'reports.make')}"]


@pytest.mark.parametrize("is_htmx", [True, False])
def test_undo_brings_the_limit_back(
    app: Flask, alice: Browser, address: str, is_htmx: bool
) -> None:
    name_limit(app, "starts")
    undo, fields = undo_of(alice.htmx_post(address).text)

    answer = alice.htmx_post(undo, fields) if is_htmx else alice.post(undo, fields)

    assert name_of_limit(app) == "starts"
    # Undo is pressed on a toast: it must get the page, never the table in the toast's place
    assert answer.status_code == (204 if is_htmx else 303)
    assert rules_of(app, "pro") == {"jobs.start": (10, 3600)}
    page = alice.get("/tiers/pro").text
    assert "Background tasks allows 10 requests per hour again" in page


def test_undo_comes_too_late_once_there_is_another_limit(
    app: Flask, alice: Browser, address: str
) -> None:
    undo, fields = undo_of(alice.htmx_post(address).text)
    set_limit(app, "pro", 7, 60)

    answer = alice.htmx_post(undo, fields)

    assert answer.headers["HX-Redirect"] == "/tiers/pro"
    assert "This changed again since. Open Pro to edit." in alice.get("/tiers/pro").text
    assert rules_of(app, "pro") == {"jobs.start": (7, 60)}


@pytest.mark.parametrize("is_htmx", [True, False])
def test_when_somebody_changed_it_meanwhile_it_stays_and_the_second_try_removes_it(
    app: Flask, alice: Browser, address: str, is_htmx: bool
) -> None:
    send = alice.htmx_post if is_htmx else alice.post
    version = version_in(alice.htmx_get(address.replace("/delete", "/edit")).text)
    set_limit(app, "pro", 7, 60)
    typed = {"limit": "10", "every": "1", "unit": "hours"}

    answer = send(address, {**typed, "version": version})

    assert answer.status_code == 409
    assert "Somebody else set this to 7 requests per minute meanwhile." in answer.text
    assert answer.headers["HX-Retarget"] == f"#limit-{limit_id(app, 'pro')}"
    assert rules_of(app, "pro") == {"jobs.start": (7, 60)}

    send(address, {**typed, "version": version_in(answer.text)})
    assert rules_of(app, "pro") == {}


def test_removing_it_twice_is_a_404(app: Flask, alice: Browser, address: str) -> None:
    alice.post(address)

    answer = alice.htmx_post(address)

    assert answer.status_code == 404
    assert "This limit no longer exists." in answer.text


def name_limit(app: Flask, name: str) -> None:
    with app.app_context():
        db.session.execute(update(RateLimit).values(name=name))
        db.session.commit()


def name_of_limit(app: Flask) -> str | None:
    with app.app_context():
        return db.session.scalars(select(RateLimit.name).order_by(RateLimit.id)).all()[-1]
