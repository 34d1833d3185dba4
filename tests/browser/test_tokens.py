"""API tokens in a browser: make one, copy it, load the page again, revoke it."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ComeIn
from tests.browser.site import Site
from tests.tokens.deeds import me, tokens_of

pytestmark = pytest.mark.browser


def made(page: Page) -> str:
    """A new token, read from its field."""
    page.goto("/tokens")
    page.get_by_role("link", name="Create a token").click()
    page.get_by_label("Name").fill("Nightly backup")
    page.get_by_label("What it may do").select_option("Read only")
    page.get_by_role("button", name="Create token").click()
    field = page.get_by_label("Your new token")
    expect(field).to_have_value(re.compile("gtp_"))
    expect(field).to_be_focused()
    return field.input_value()


def revoke(page: Page) -> None:
    page.get_by_role("link", name="Revoke Nightly backup").click()
    page.get_by_role("button", name="Revoke token").click()
    expect(page.locator("#toasts")).to_contain_text("Nightly backup is revoked")
    expect(page.get_by_text("Call the API from your own code")).to_be_visible()


def test_a_token_is_made_copied_and_revoked(site: Site, come_in: ComeIn) -> None:
    who = site.newcomer("Priya Raman")
    page = come_in(who)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    token = made(page)
    page.get_by_role("button", name="Copy the token").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == token
    assert me(site.app, token).json["username"] == who.username

    page.reload()  # sends the form again
    expect(page.locator("#toasts")).to_contain_text("created already")
    assert len(tokens_of(site.app, who.username)) == 1

    revoke(page)
    assert me(site.app, token).status_code == 401


def test_it_works_without_script(site: Site, come_in: ComeIn) -> None:
    page = come_in(site.newcomer("Priya Raman"), java_script_enabled=False)
    token = made(page)
    expect(page.get_by_role("button", name="Copy")).to_have_count(0)
    assert me(site.app, token).status_code == 200

    page.goto("/tokens")
    revoke(page)
    assert me(site.app, token).status_code == 401
