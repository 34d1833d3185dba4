"""Signing up and resetting a password in a browser, with the mail in between."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ComeIn
from tests.browser.site import Site

pytestmark = pytest.mark.browser

CHOSEN, NEW = "seven green bottles", "four quiet green lamps"
WITH_AND_WITHOUT = pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])


def fill(page: Page, **values: str) -> None:
    for label, value in values.items():
        page.get_by_label(label.capitalize(), exact=True).fill(value)


@WITH_AND_WITHOUT
def test_a_stranger_signs_up_and_is_in(site: Site, come_in: ComeIn, script: bool) -> None:
    username = f"dora{int(script)}"
    page = come_in(java_script_enabled=script)
    page.goto("/sign-in")
    page.get_by_role("link", name="Sign up").click()
    fill(page, name="Dora Dale", username="bob", email=f"{username}@example.com", password=CHOSEN)
    if script:
        expect(page.locator("#username-status")).to_contain_text("bob is taken. Try bob2")
    page.get_by_role("button", name="Sign up").click()
    expect(page.locator("#username-error")).to_contain_text("bob is taken. Try bob2 or bob3.")

    fill(page, username=username, password=CHOSEN)
    if script:
        expect(page.locator("#username-status")).to_contain_text(f"{username} is free")
        expect(page.get_by_label("Password", exact=True)).to_be_focused()
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", name="Look at your mail")).to_be_visible()

    page.goto(site.link_mailed_to(f"{username}@example.com"))
    page.get_by_label("The password you chose").fill("something else")
    page.get_by_role("button", name="Finish sign-up").click()
    expect(page.locator("#password-error")).to_contain_text("not the password you chose")
    page.get_by_label("The password you chose").fill(CHOSEN)
    page.get_by_role("button", name="Finish sign-up").click()

    expect(page.locator("#toasts")).to_contain_text("Welcome, Dora Dale")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert site.stored(username).email_confirmed_at is not None


@WITH_AND_WITHOUT
def test_a_forgotten_password_is_reset_by_mail(site: Site, come_in: ComeIn, script: bool) -> None:
    who = site.newcomer("Priya Raman")
    elsewhere = come_in(who)
    page = come_in(java_script_enabled=script)
    page.goto("/sign-in")
    page.get_by_role("link", name="Forgot password?").click()
    page.get_by_role("button", name="Send the link").click()
    expect(page.locator("#email-error")).to_contain_text("Enter an email address")
    fill(page, email=f"{who.username}@example.com")
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_text("If this address has an account")).to_be_visible()

    page.goto(site.link_mailed_to(f"{who.username}@example.com"))
    page.get_by_label("Choose a password", exact=True).fill("short")
    page.get_by_role("button", name="Set password").click()
    expect(page.locator("#password-error")).to_contain_text("Use 8 characters or more")
    page.get_by_label("Choose a password", exact=True).fill(NEW)
    page.get_by_role("button", name="Set password").click()

    expect(
        page.locator("#toasts").get_by_text("Your password is set. Sign in with it.")
    ).to_be_visible()
    elsewhere.goto("/")
    expect(elsewhere.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("Username or email").fill(who.username)
    page.get_by_label("Password", exact=True).fill(NEW)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text(who.name).first).to_be_visible()
