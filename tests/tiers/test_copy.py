"""An operator makes a tier like another one."""

import pytest
from flask import Flask
from sqlalchemy import text

from app.extensions import db
from tests.audit.kept import only, told
from tests.people import Browser
from tests.tiers.screen import (
    add_tier,
    errors_of,
    focus_of,
    rules_of,
    set_limit,
    tier_names,
    value_of,
    words_of,
)

TAKEN = "There is already a tier named free. Choose another name."
REFUSED = {"": "Enter a name for the tier", "a/b": None, "free": TAKEN}


@pytest.fixture(autouse=True)
def reports(app: Flask) -> None:
    """Pro has a second limit, that is only observed, on a route that went away."""
    set_limit(app, "pro", 3, 60, route="reports.make")
    with app.app_context():
        its = "observed = true, name = 'reports'"
        db.session.execute(text(f'UPDATE rate_limits SET {its} WHERE "limit" = 3'))
        db.session.commit()


def marks_of(app: Flask, tier: str) -> list[tuple[str, bool, str | None]]:
    query = (
        "SELECT route, observed, rate_limits.name FROM rate_limits JOIN tiers ON tiers.id = tier_id"
    )
    with app.app_context():
        rows = db.session.execute(
            text(f"{query} WHERE tiers.name = :name ORDER BY route"), {"name": tier}
        )
        return [(route, bool(observed), name) for route, observed, name in rows]


def test_the_copy_has_the_same_limits_and_nobody_on_it(app: Flask, alice: Browser) -> None:
    answer = alice.post("/tiers/pro/copy", {"name": " Team  plus "})

    assert (answer.status_code, answer.location) == (303, "/tiers/Team%20plus")
    assert rules_of(app, "Team plus") == rules_of(app, "pro")
    marks = [("jobs.start", False, None), ("reports.make", True, "reports")]
    assert marks_of(app, "Team plus") == marks
    assert len(rules_of(app, "pro")) == 2
    words = words_of(alice.get(answer.location).text)
    assert "Team plus tier added, with the limits of Pro" in words
    assert "0 users" in words


def test_it_is_on_record_as_created_with_its_limits(app: Flask, alice: Browser) -> None:
    alice.htmx_post("/tiers/pro/copy", {"name": "gold"})

    event = only(app)
    assert told(event) == ("Alice Archer", "tier.created", "gold")
    assert event.changes == {
        "POST /tasks": [None, "10 requests per hour"],
        "reports.make": [None, "3 requests per minute, observed only"],
    }


def test_the_page_leads_there_and_says_what_will_be_copied(alice: Browser) -> None:
    assert 'href="/tiers/pro/copy"' in alice.get("/tiers/pro").text

    html = alice.get("/tiers/pro/copy").text

    assert focus_of(html) == ["name"]
    assert "10 requests per hour Background tasks" in words_of(html)
    assert "3 requests per minute reports.make Observed only" in words_of(html)


def test_a_tier_without_limits_is_copied_too(app: Flask, alice: Browser) -> None:
    add_tier(app, "gold")

    assert "None of its own" in alice.get("/tiers/gold/copy").text
    assert alice.htmx_post("/tiers/gold/copy", {"name": "silver"}).headers["HX-Redirect"]
    assert rules_of(app, "silver") == {}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_name_stays_at_its_field(app: Flask, alice: Browser, name: str) -> None:
    part = alice.htmx_post("/tiers/pro/copy", {"name": name})
    page = alice.post("/tiers/pro/copy", {"name": name})

    assert (part.status_code, page.status_code) == (422, 422)
    assert part.text.lstrip().startswith('<section class="panel" id="copy"')
    assert "<title>Error: Copy Pro" in page.text
    for html in (part.text, page.text):
        sentence = REFUSED[name] or "Use letters, digits, spaces and - _ . + only"
        assert errors_of(html) == {"name": sentence}
        assert value_of(html, "name") == name
        assert focus_of(html) == ["name"]
        assert "10 requests per hour" in html
    assert tier_names(app) == ["free", "pro"]


class TestFromTheCommandLine:
    def test_a_tier_is_made_like_another(self, app: Flask) -> None:
        result = app.test_cli_runner().invoke(args=["create-tier", "gold", "--like", "pro"])

        assert (result.exit_code, result.output) == (
            0,
            "Made the tier gold with the limits of pro\n",
        )
        assert rules_of(app, "gold") == rules_of(app, "pro")
        assert len(only(app).changes) == 2

    def test_a_taken_name_or_an_unknown_tier_is_refused(self, app: Flask) -> None:
        run = app.test_cli_runner().invoke

        taken = run(args=["create-tier", "free", "--like", "pro"])
        unknown = run(args=["create-tier", "gold", "--like", "silver"])

        assert (taken.exit_code, unknown.exit_code) == (1, 1)
        assert taken.output == "Error: There is already a tier named free.\n"
        assert unknown.output == "Error: There is no tier named 'silver'. Tiers: free, pro.\n"
        assert rules_of(app, "free") == {"jobs.start": (1, 3600)}
        assert tier_names(app) == ["free", "pro"]
