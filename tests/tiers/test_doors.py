"""Who may pass the doors of tiers, and what a door says about a tier that is not there."""

import pytest
from flask import Flask

from tests.people import Browser
from tests.tiers.screen import limit_id, rules_of, tier_names

READING = (
    "/tiers",
    "/tiers/pro",
    "/tiers/pro/delete",
    "/tiers/pro/copy",
    "/tiers/pro/phrase?limit=1&every=1&unit=hours",
    "/tiers/pro/limits",
    "/tiers/pro/limits/{id}/edit",
)
CHANGING = (
    ("/tiers", {"name": "gold"}),
    ("/tiers/pro", {"name": "gold"}),
    ("/tiers/pro/delete", {}),
    ("/tiers/pro/copy", {"name": "gold"}),
    ("/tiers/pro/limits", {"route": "jobs.start", "limit": 5, "every": 1, "unit": "hours"}),
    ("/tiers/pro/limits/{id}", {"limit": 5, "every": 1, "unit": "hours"}),
    ("/tiers/pro/limits/{id}/delete", {}),
)
CAST_TIERS = ["free", "pro"]
PRO_RULES = {"jobs.start": (10, 3600)}


@pytest.fixture
def pro_limit(app: Flask) -> int:
    return limit_id(app, "pro")


@pytest.mark.parametrize("path", READING)
def test_only_operators_read(
    path: str, pro_limit: int, mallory: Browser, stranger: Browser
) -> None:
    assert mallory.get(path.format(id=pro_limit)).status_code == 403
    answer = stranger.get(path.format(id=pro_limit))
    assert answer.status_code == 303
    assert answer.location.startswith("/sign-in?next=/tiers")


@pytest.mark.parametrize(("path", "data"), CHANGING)
def test_only_operators_change(
    app: Flask,
    path: str,
    data: dict[str, object],
    pro_limit: int,
    mallory: Browser,
    stranger: Browser,
) -> None:
    assert mallory.post(path.format(id=pro_limit), data).status_code == 403
    assert mallory.htmx_post(path.format(id=pro_limit), data).status_code == 403
    assert stranger.post(path.format(id=pro_limit), data).location == "/sign-in"
    answer = stranger.htmx_post(path.format(id=pro_limit), data)
    assert answer.headers["HX-Redirect"] == "/sign-in"

    assert tier_names(app) == CAST_TIERS
    assert rules_of(app, "pro") == PRO_RULES


@pytest.mark.parametrize(("path", "data"), CHANGING)
def test_without_a_token_nothing_changes(
    app: Flask, path: str, data: dict[str, object], pro_limit: int, alice: Browser
) -> None:
    answer = alice.client.post(path.format(id=pro_limit), data=data)

    assert answer.status_code == 400
    assert tier_names(app) == CAST_TIERS
    assert rules_of(app, "pro") == PRO_RULES


@pytest.mark.parametrize("path", [path for path in READING if path != "/tiers"])
def test_reading_about_a_tier_that_is_not_there_is_a_404(
    path: str, pro_limit: int, alice: Browser
) -> None:
    path = path.replace("/pro", "/gold").format(id=pro_limit)

    assert alice.get(path).status_code == 404
    assert alice.htmx_get(path).status_code == 404


@pytest.mark.parametrize(("path", "data"), CHANGING[1:])
def test_changing_a_tier_that_is_not_there_is_a_404(
    path: str, data: dict[str, object], pro_limit: int, alice: Browser
) -> None:
    path = path.replace("/pro", "/gold").format(id=pro_limit)

    assert alice.post(path, data).status_code == 404


def test_a_limit_is_reached_through_its_own_tier_only(
    app: Flask, pro_limit: int, alice: Browser
) -> None:
    numbers = {"limit": 99, "every": 1, "unit": "hours"}

    assert alice.get(f"/tiers/free/limits/{pro_limit}/edit").status_code == 404
    assert alice.post(f"/tiers/free/limits/{pro_limit}", numbers).status_code == 404
    assert alice.post(f"/tiers/free/limits/{pro_limit}/delete").status_code == 404
    assert rules_of(app, "pro") == PRO_RULES


def test_extra_fields_change_nothing(app: Flask, pro_limit: int, alice: Browser) -> None:
    extra = {"id": 99, "tier_id": 1, "route": "users.index", "methods": "GET", "period": 1}
    alice.post(f"/tiers/pro/limits/{pro_limit}", {"limit": 5, "every": 1, "unit": "hours", **extra})

    assert rules_of(app, "pro") == {"jobs.start": (5, 3600)}
    assert limit_id(app, "pro") == pro_limit
