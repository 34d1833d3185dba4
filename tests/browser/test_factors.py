"""Second factors in a browser: passkeys, an authenticator app and recovery codes.

Chromium brings a virtual authenticator. Passkeys need a name, so the site is opened as localhost.
"""

import re
import time

import pyotp
import pytest
from playwright.sync_api import Page, expect

from app.database import now
from tests.browser.conftest import ComeIn
from tests.browser.site import Person, Site

pytestmark = pytest.mark.browser

REFUSED = ("422 from",)
STEP_SECONDS = 30


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def give_password(page: Page, site: Site, who: Person) -> None:
    page.goto(site.named("/sign-in"))
    page.get_by_label("Username or email").fill(who.username)
    page.get_by_label("Password", exact=True).fill(who.password)
    press(page, "Sign in")


def plug_in_authenticator(page: Page) -> None:
    """A device that verifies its owner and keeps passkeys, and says yes to everything."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    kind = {"protocol": "ctap2", "transport": "internal", "automaticPresenceSimulation": True}
    holds = {"hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True}
    session.send("WebAuthn.addVirtualAuthenticator", {"options": {**kind, **holds}})


def code_of(secret: str, away: int = 0) -> str:
    """A code that is good for as long as it takes to send it."""
    left = STEP_SECONDS - time.time() % STEP_SECONDS
    if left < 4:
        time.sleep(left)
    return pyotp.TOTP(secret).at(now(), counter_offset=away)


def is_in(page: Page) -> None:
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


def test_a_passkey_is_added_and_signs_in_as_second_step_and_alone(
    site: Site, come_in: ComeIn
) -> None:
    who = site.newcomer("Priya Raman")
    page = come_in(afresh=True)
    plug_in_authenticator(page)
    give_password(page, site, who)
    is_in(page)
    page.goto(site.named("/security"))
    press(page, "Add a passkey")
    page.get_by_label("Name").fill("My laptop")
    press(page, "Create passkey")
    expect(page.locator("#new-codes")).to_contain_text("-")
    page.get_by_role("link", name="I have kept them").click()
    expect(page.locator("#passkeys")).to_contain_text("My laptop")
    expect(page.locator("#codes")).to_contain_text("10 codes left")

    press(page, "Add a passkey")
    press(page, "Create passkey")
    expect(page.locator("[data-problem]")).to_contain_text("has a passkey for your account already")

    press(page, "Sign out")
    give_password(page, site, who)
    press(page, "Use your passkey")
    is_in(page)

    press(page, "Sign out")
    press(page, "Use a passkey")
    is_in(page)
    page.goto(site.named("/security"))
    page.get_by_role("link", name="Change My laptop").click()
    press(page, "Remove passkey")
    expect(page.locator("#toasts")).to_contain_text("your recovery codes are gone too")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_an_app_and_a_recovery_code_sign_in(site: Site, come_in: ComeIn, script: bool) -> None:
    who = site.newcomer("Priya Raman")
    page = come_in(who, java_script_enabled=script, expecting=REFUSED)
    page.goto("/security")
    expect(page.get_by_text("Open this site by its name")).to_be_visible()
    press(page, "Add an app")
    expect(page.locator("svg.qr")).to_be_visible()
    secret = page.locator("#app-key").inner_text().replace(" ", "")
    page.get_by_label("Code of the app").fill("123")
    press(page, "Add app")
    expect(page.locator("#error-summary")).to_contain_text("Enter the 6 digits")
    page.get_by_label("Code of the app").fill(code_of(secret, -1))
    press(page, "Add app")
    codes = re.findall(r"[a-z2-9-]{14}", page.locator("#new-codes").inner_text())
    assert len(codes) == 10
    with page.expect_download() as download:
        press(page, "Download")
    assert download.value.path().read_text().split() == codes
    page.get_by_role("link", name="I have kept them").click()
    expect(page.locator("#app")).to_contain_text("Not used yet")

    for code in (code_of(secret), codes[0]):
        press(page, "Sign out")
        page.get_by_label("Username or email").fill(who.username)
        page.get_by_label("Password", exact=True).fill(who.password)
        press(page, "Sign in")
        field = page.get_by_label("Code of your app, or a recovery code")
        field.fill("000")
        press(page, "Sign in")
        expect(page.locator("#error-summary")).to_contain_text("This code is not right")
        field.fill(code)
        press(page, "Sign in")
        is_in(page)
    page.goto("/security")
    expect(page.locator("#codes")).to_contain_text("9 codes left")

    press(page, "Make new codes")
    expect(page.get_by_role("main").get_by_text("The old codes no longer work.")).to_be_visible()
    page.get_by_role("link", name="I have kept them").click()
    expect(page.locator("#codes")).to_contain_text("10 codes left")
    page.locator("#app").get_by_role("link", name="Remove").click()
    press(page, "Remove app")
    expect(page.locator("#toasts").get_by_text("your recovery codes are gone too")).to_be_visible()
    expect(page.get_by_role("button", name="Add an app", exact=True)).to_be_visible()


def test_without_script_the_page_says_what_passkeys_need(site: Site, come_in: ComeIn) -> None:
    page = come_in(java_script_enabled=False)
    page.goto(site.named("/sign-in"))
    expect(page.get_by_role("button", name="Use a passkey")).to_be_hidden()
    give_password(page, site, site.newcomer("Priya Raman"))
    page.goto(site.named("/security"))
    press(page, "Add a passkey")

    expect(page.get_by_text("Passkeys need JavaScript")).to_be_visible()
    expect(page.get_by_role("button", name="Create passkey")).to_be_hidden()
