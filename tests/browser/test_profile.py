"""The profile in a browser: saved, moved to another address by mail, and left for good."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ComeIn
from tests.browser.site import Site

pytestmark = pytest.mark.browser


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()


def test_what_is_saved_counts_at_once_and_can_be_undone(site: Site, come_in: ComeIn) -> None:
    who = site.newcomer("Priya Raman")
    page = come_in(who)
    page.goto("/profile")
    page.get_by_label("Name", exact=True).fill("")
    press(page, "Save profile")
    expect(page.locator("#error-summary")).to_be_focused()
    expect(page.locator("#name-error")).to_contain_text("Enter a name")

    page.get_by_label("Name", exact=True).fill("Priya Rao")
    press(page, "Save profile")
    expect(page.locator(".who-name")).to_contain_text("Priya Rao")
    press(page, "Undo")
    expect(page.locator(".who-name")).to_contain_text("Priya Raman")

    page.get_by_label("Theme").select_option("Dark")
    page.get_by_label("Time zone").select_option("Tokyo")
    page.get_by_label("Single-key shortcuts").uncheck()
    press(page, "Save look")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("html")).to_have_attribute("data-keys", "off")
    assert site.stored(who.username).time_zone == "Asia/Tokyo"


def test_the_profile_is_saved_without_script(site: Site, come_in: ComeIn) -> None:
    who = site.newcomer("Priya Raman")
    page = come_in(who, java_script_enabled=False)
    page.goto("/profile")
    page.get_by_label("Name", exact=True).fill("P")
    press(page, "Save profile")
    expect(page.locator("#name-error")).to_contain_text("Use 2 to 30 characters")
    page.get_by_label("Name", exact=True).fill("Priya Rao")
    press(page, "Save profile")
    expect(page.locator("#toasts")).to_contain_text("Your profile is saved")
    page.get_by_label("Theme").select_option("Light")
    press(page, "Save look")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    assert site.stored(who.username).name == "Priya Rao"


@pytest.mark.parametrize("script", [True, False])
def test_an_address_changes_by_the_mail_that_was_kept(
    site: Site, come_in: ComeIn, script: bool
) -> None:
    who = site.newcomer("Priya Raman")
    new = f"new-{who.username}@example.com"
    page = come_in(who, java_script_enabled=script)
    page.goto("/profile")
    page.get_by_label("New address").fill(new)
    press(page, "Change address")
    expect(page.locator("#toasts")).to_contain_text(
        "If this address is free, a link is on its way to it."
    )

    path = site.link_mailed_to(new)
    elsewhere = come_in(java_script_enabled=script)
    elsewhere.goto(path)
    expect(elsewhere.get_by_text(new)).to_be_visible()
    assert site.stored(who.username).email != new
    press(elsewhere, "Use this address")
    expect(elsewhere.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(elsewhere.locator("#toasts")).to_contain_text(f"Your address is now {new}")

    page.goto("/profile")
    panel = page.locator("#email")
    expect(panel).to_contain_text(re.compile(rf"{new}\s*Confirmed"))


@pytest.mark.parametrize("options", [{}, {"java_script_enabled": False}], ids=["script", "none"])
def test_an_account_is_deleted_after_its_data_was_taken_along(
    site: Site, come_in: ComeIn, options: dict[str, bool]
) -> None:
    who = site.newcomer("Priya Raman")
    page = come_in(who, **options)
    page.goto("/profile")
    page.get_by_role("link", name="Download your data").click()
    with page.expect_download() as download:
        press(page, "Download file")
    assert download.value.suggested_filename == "my-data.json"

    page.goto("/profile")
    page.get_by_role("link", name="Delete your account").click()
    expect(page.get_by_role("heading", name="Delete your account?")).to_be_visible()
    press(page, "Delete your account")

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.locator("#toasts").get_by_text("Your account is deleted.")).to_be_visible()
    assert site.stored(who.username).is_deleted
