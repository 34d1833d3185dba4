"""Swagger UI and Redoc in a browser: under our policy, with nothing from anywhere else."""

import re

import pytest
from playwright.sync_api import Page, expect

from app.openapi import document
from tests.browser import axe
from tests.browser.conftest import ComeIn
from tests.browser.site import Site

pytestmark = pytest.mark.browser

# What axe finds in the markup that Swagger UI draws, which is not ours to change.
OF_SWAGGER = {"color-contrast", "nested-interactive", "select-name", "target-size"}


def addresses(page: Page) -> list[str]:
    """What the page asks for from now on."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    return asked


def are_from(asked: list[str], site: Site) -> bool:
    return bool(asked) and all(url.startswith(f"{site.address}/") for url in asked)


def test_swagger_ui_signs_in_and_calls_without_leaving_the_site(
    site: Site, come_in: ComeIn
) -> None:
    who, page = site.newcomer("Priya Raman"), come_in()
    asked = addresses(page)
    page.goto("/docs")
    page.get_by_role("button", name="Authorize").click()
    form = page.locator(".auth-container", has_text="OAuth2, password")
    form.get_by_label("username").fill(who.username)
    form.get_by_label("password").fill(who.password)
    form.get_by_role("button", name="Apply given OAuth2 credentials").click()
    form.get_by_role("button", name="Remove authorization").wait_for()
    page.get_by_role("button", name="Close").first.click()

    call = page.locator("#operations-Users-users_me")
    call.locator(".opblock-summary-control").click()
    call.get_by_role("button", name="Try it out").click()
    call.get_by_role("button", name="Execute").click()

    answer = call.locator(".live-responses-table")
    expect(answer).to_contain_text(f'"username": "{who.username}"')
    assert are_from(asked, site)
    assert page.evaluate("localStorage.length") == 0


def test_what_axe_finds_on_the_page_of_swagger_ui_is_swagger_uis(come_in: ComeIn) -> None:
    page = come_in()
    page.goto("/docs")
    page.locator("#operations-Users-users_me").wait_for()

    found = axe.problems(page)
    assert {problem.partition(":")[0] for problem in found} <= OF_SWAGGER
    page.evaluate("document.querySelector('.swagger-ui').remove()")
    assert axe.problems(page) == []


def test_swagger_ui_is_read_on_a_phone_and_in_the_dark(come_in: ComeIn) -> None:
    page = come_in()
    page.set_viewport_size({"width": 320, "height": 640})
    page.emulate_media(color_scheme="dark")
    page.goto("/docs")
    call = page.locator("#operations-Users-users_me")
    call.locator(".opblock-summary-control").click()
    call.get_by_role("button", name="Try it out").wait_for()

    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    dark = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert max(map(int, re.findall(r"\d+", dark)[:3])) < 60


def test_redoc_draws_every_call_and_asks_nobody_else(site: Site, come_in: ComeIn) -> None:
    page = come_in()
    asked = addresses(page)
    page.goto("/redoc")

    calls = sum(len(methods) for methods in document(site.app)["paths"].values())
    expect(page.locator("[data-section-id*='/operation/']")).to_have_count(calls)
    assert are_from(asked, site)


def test_without_script_both_lead_to_the_document(come_in: ComeIn) -> None:
    page = come_in(java_script_enabled=False)
    for path in ("/docs", "/redoc"):
        page.goto(path)
        expect(page.get_by_role("link", name="Read the document itself")).to_be_visible()
