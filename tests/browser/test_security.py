"""The Security page in a browser: end a session, change the password, with and without script."""

import pytest
from playwright.sync_api import expect

from tests.auth.coming_in import sessions_of
from tests.browser.conftest import ComeIn
from tests.browser.site import Site

pytestmark = pytest.mark.browser

NEW = "four quiet green lamps"


def test_sessions_end_one_by_one_then_all_others_and_at_last_this_one(
    site: Site, come_in: ComeIn
) -> None:
    who = site.newcomer("Priya Raman")
    others = [come_in(who) for _ in range(3)]
    page = come_in(who)
    page.goto("/security")
    ends = page.get_by_role("button", name="End session")
    expect(ends).to_have_count(3)

    second = ends.nth(1).get_attribute("id")
    ends.first.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("Session ended")
    expect(ends).to_have_count(2)
    expect(page.locator(f"#{second}")).to_be_focused()

    page.get_by_label("Current password").fill("wrong")
    page.get_by_label("New password").fill(NEW)
    page.get_by_role("button", name="Change password").click()
    expect(page.locator("#error-summary")).to_be_focused()
    expect(page.locator("#current_password-error")).to_contain_text("not your current password")
    page.get_by_label("Current password").fill(who.password)
    page.get_by_label("New password").fill(NEW)
    page.get_by_role("button", name="Change password").click()

    expect(page.locator("#toasts")).to_contain_text("You are signed out everywhere else")
    expect(ends).to_have_count(0)
    expect(page.get_by_text("This device")).to_be_visible()
    for other in others:
        other.goto("/")
        expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    assert site.stored(who.username).has_password(NEW)

    others[0].context.add_cookies([site.cookie_of(who)])  # type: ignore[list-item]
    others[0].goto("/security")
    page.get_by_role("button", name="Sign out everywhere").press("Enter")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.locator("#toasts")).to_contain_text("You are signed out everywhere")
    others[0].goto("/security")
    expect(others[0].get_by_role("heading", name="Sign in")).to_be_visible()


def test_all_of_it_works_without_script(site: Site, come_in: ComeIn) -> None:
    who = site.newcomer("Priya Raman")
    site.cookie_of(who)
    operator = come_in(site.newcomer("Hannah", operator=True), java_script_enabled=False)
    operator.goto(f"/users/{who.username}")
    operator.get_by_role("link", name="Show where and how Priya Raman signs in").click()
    operator.get_by_role("button", name="End session").click()
    expect(operator.get_by_text("Not signed in anywhere.")).to_be_visible()

    page = come_in(who, java_script_enabled=False)
    for _ in range(2):
        site.cookie_of(who)
    page.goto("/security")
    page.get_by_role("button", name="End session").first.click()
    expect(page.locator("#toasts").get_by_text("Session ended")).to_be_visible()
    expect(page.get_by_role("button", name="End session")).to_have_count(1)
    page.get_by_role("button", name="End all others").click()
    expect(page.get_by_role("button", name="End session")).to_have_count(0)
    page.get_by_label("Current password").fill(who.password)
    page.get_by_label("New password").fill(NEW)
    page.get_by_role("button", name="Change password").click()

    expect(page.locator("#toasts").get_by_text("Your password is changed.")).to_be_visible()
    assert site.stored(who.username).has_password(NEW)

    site.cookie_of(who)
    page.get_by_role("button", name="Sign out everywhere").click()
    expect(page.locator("#toasts").get_by_text("You are signed out everywhere")).to_be_visible()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert sessions_of(site.app, who.username) == []


def test_an_operator_ends_a_session_on_the_page_of_a_person(site: Site, come_in: ComeIn) -> None:
    who = site.newcomer("Noor Haddad")
    theirs = come_in(who)
    page = come_in(site.newcomer("Hannah", operator=True))
    page.goto(f"/users/{who.username}")
    page.get_by_role("button", name="End session").click()

    expect(page.get_by_text("Not signed in anywhere.")).to_be_visible()
    expect(page.get_by_role("heading", name="Sessions")).to_be_focused()
    theirs.goto("/")
    expect(theirs.get_by_role("heading", name="Sign in")).to_be_visible()
