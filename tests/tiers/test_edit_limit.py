"""An operator edits a limit in its row."""

import re

import pytest
from flask import Flask
from sqlalchemy import select

from app.extensions import db
from app.tiers.models import RateLimit
from tests.people import Browser, undo_of
from tests.tiers.screen import errors_of, focus_of, limit_id, rules_of, set_limit, value_of

NUMBERS = {"limit": "30", "every": "15", "unit": "minutes"}


@pytest.fixture
def limit(app: Flask) -> int:
    return limit_id(app, "pro")


@pytest.fixture
def address(limit: int) -> str:
    return f"/tiers/pro/limits/{limit}"


def version_in(html: str) -> str:
    found = re.search(r'id="version-\d+"[^>]*value="(\d+)"', html)
    assert found
    return found.group(1)


def test_the_row_becomes_an_editor(alice: Browser, limit: int, address: str) -> None:
    answer = alice.htmx_get(f"{address}/edit")

    assert answer.status_code == 200
    assert f'<tr class="editor" role="row" id="limit-{limit}"' in answer.text
    assert value_of(answer.text, f"limit-edit-{limit}") == "10"
    assert value_of(answer.text, f"every-edit-{limit}") == "1"
    assert value_of(answer.text, f"unit-edit-{limit}") == "hours"
    assert focus_of(answer.text) == [f"limit-edit-{limit}"]
    assert "<html" not in answer.text


def test_cancel_brings_the_row_back_with_the_focus_on_edit(alice: Browser, limit: int) -> None:
    answer = alice.htmx_get(f"/tiers/pro/limits?focus={limit}")

    assert "10 requests per hour" in answer.text
    assert focus_of(answer.text) == [f"edit-limit-{limit}"]
    assert "is-changed" not in answer.text


def test_the_table_alone_is_not_a_page(alice: Browser) -> None:
    assert alice.get("/tiers/pro/limits").location == "/tiers/pro"


def test_admin_edits_a_limit(app: Flask, alice: Browser, address: str) -> None:
    answer = alice.post(address, NUMBERS)

    assert answer.status_code == 303
    assert answer.location == "/tiers/pro"
    assert rules_of(app, "pro") == {"jobs.start": (30, 900)}


def test_htmx_gets_the_table_with_the_focus_on_edit(
    app: Flask, alice: Browser, limit: int, address: str
) -> None:
    answer = alice.htmx_post(address, NUMBERS)

    assert answer.status_code == 200
    assert answer.headers["HX-Retarget"] == "#limits"
    assert "30 requests per 15 minutes" in answer.text
    assert "Background tasks now allows 30 requests per 15 minutes" in answer.text
    assert focus_of(answer.text) == [f"edit-limit-{limit}"]
    assert rules_of(app, "pro") == {"jobs.start": (30, 900)}


def test_thousands_may_be_typed_as_people_write_them(
    app: Flask, alice: Browser, address: str
) -> None:
    alice.post(address, {**NUMBERS, "limit": " 1,000 "})

    assert rules_of(app, "pro") == {"jobs.start": (1000, 900)}


def test_undo_brings_the_numbers_back(app: Flask, alice: Browser, address: str) -> None:
    undo, fields = undo_of(alice.htmx_post(address, NUMBERS).text)

    answer = alice.htmx_post(undo, fields)

    assert answer.headers["HX-Redirect"] == "/tiers/pro"
    assert rules_of(app, "pro") == {"jobs.start": (10, 3600)}
    page = alice.get("/tiers/pro").text
    assert "Background tasks allows 10 requests per hour again" in page


def observed(app: Flask) -> bool:
    with app.app_context():
        return db.session.scalars(select(RateLimit.observed).where(RateLimit.limit == 10)).one()


def test_undo_enforces_what_was_observed_and_observes_what_was_enforced(
    app: Flask, alice: Browser, address: str
) -> None:
    same = {"limit": "10", "every": "1", "unit": "hours"}
    answer = alice.htmx_post(address, {**same, "observed": "1"})
    assert "Background tasks now allows 10 requests per hour, observed only" in answer.text
    assert observed(app)
    alice.htmx_post(*undo_of(answer.text))
    assert not observed(app)

    alice.htmx_post(address, {**same, "observed": "1"})
    alice.htmx_post(*undo_of(alice.htmx_post(address, same).text))
    assert observed(app)

    alice.htmx_post(*undo_of(alice.htmx_post(f"{address}/delete", {}).text))
    assert observed(app)


def test_undo_comes_too_late_once_it_changed_again(
    app: Flask, alice: Browser, address: str
) -> None:
    undo, fields = undo_of(alice.htmx_post(address, NUMBERS).text)
    set_limit(app, "pro", 7, 60)

    answer = alice.post(undo, fields, follow_redirects=True)

    assert "This changed again since. Open Pro to edit." in answer.text
    assert rules_of(app, "pro") == {"jobs.start": (7, 60)}


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"limit": "0"}, {"limit": "Enter 1 or more"}),
        ({"limit": ""}, {"limit": "Enter 1 or more"}),
        ({"every": "none"}, {"every": "Enter 1 or more"}),
        ({"unit": "moons"}, {"unit": "Choose seconds, minutes, hours or days"}),
        ({"limit": "x", "every": "y"}, {"limit": "Enter 1 or more", "every": "Enter 1 or more"}),
    ],
)
@pytest.mark.parametrize("is_htmx", [True, False])
def test_wrong_values_stay_in_the_row_with_a_sentence(
    app: Flask,
    alice: Browser,
    limit: int,
    address: str,
    change: dict[str, str],
    errors: dict[str, str],
    is_htmx: bool,
) -> None:
    typed = {**NUMBERS, **change}
    answer = alice.htmx_post(address, typed) if is_htmx else alice.post(address, typed)

    assert answer.status_code == 422
    assert ("<html" in answer.text) is not is_htmx
    expected = {f"{field}-edit-{limit}": sentence for field, sentence in errors.items()}
    assert errors_of(answer.text) == expected
    assert value_of(answer.text, f"limit-edit-{limit}") == typed["limit"]
    assert value_of(answer.text, f"every-edit-{limit}") == typed["every"]
    assert focus_of(answer.text) == [next(iter(expected))]
    assert "10 requests per hour" in answer.text
    assert rules_of(app, "pro") == {"jobs.start": (10, 3600)}


@pytest.mark.parametrize("is_htmx", [True, False])
def test_when_somebody_was_faster_both_values_are_shown_and_the_second_save_counts(
    app: Flask, alice: Browser, limit: int, address: str, is_htmx: bool
) -> None:
    send = alice.htmx_post if is_htmx else alice.post
    version = version_in(alice.htmx_get(f"{address}/edit").text)
    set_limit(app, "pro", 7, 60)

    answer = send(address, {**NUMBERS, "version": version})

    assert answer.status_code == 409
    assert "Somebody else set this to 7 requests per minute meanwhile." in answer.text
    assert "Save again to use your values." in answer.text
    assert value_of(answer.text, f"limit-edit-{limit}") == "30"
    assert focus_of(answer.text) == [f"limit-edit-{limit}"]
    assert rules_of(app, "pro") == {"jobs.start": (7, 60)}

    send(address, {**NUMBERS, "version": version_in(answer.text)})
    assert rules_of(app, "pro") == {"jobs.start": (30, 900)}


def test_a_limit_that_was_removed_meanwhile_is_a_404(
    app: Flask, alice: Browser, address: str
) -> None:
    alice.post(f"{address}/delete")

    answer = alice.htmx_post(address, NUMBERS)

    assert answer.status_code == 404
    assert "This limit no longer exists." in answer.text
    assert rules_of(app, "pro") == {}
