"""When something goes wrong the page stays as it is, and a toast says what to do."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import ComeIn
from tests.browser.site import Person, Site
from tests.browser.states import plain_submit

pytestmark = pytest.mark.browser

NO_ANSWER = "Failed to fetch"  # htmx tells the console that a request did not get through


@pytest.fixture
def chief(site: Site) -> Person:
    return site.newcomer("Hannah Lindqvist", operator=True)


@pytest.fixture
def noor(site: Site) -> Person:
    return site.newcomer("Noor Haddad")


def edit(page: Page, who: Person) -> None:
    page.goto(f"/users?q={who.username}")
    page.get_by_role("link", name=f"Edit {who.name}").click()
    page.get_by_label("Name", exact=True).fill("Typed Text")


def save(page: Page) -> None:
    page.get_by_role("button", name="Save changes").click()


def expect_failure(page: Page, sentence: str) -> None:
    """The sentence in a toast that stays, and what was typed still in its field."""
    toast = page.locator("#toasts .toast2")
    expect(toast).to_contain_text(sentence)
    expect(toast).to_have_attribute("data-sticky", "")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Typed Text")
    toast.get_by_role("button", name="Dismiss").click()
    expect(toast).to_have_count(0)
    expect(page.get_by_role("button", name="Save changes")).to_be_enabled()


def test_offline_keeps_what_was_typed_and_the_next_press_saves(
    come_in: ComeIn, chief: Person, noor: Person, site: Site
) -> None:
    page = come_in(chief, expecting=(NO_ANSWER,))
    edit(page, noor)
    page.context.set_offline(True)
    save(page)
    expect_failure(page, "No connection. Your changes are still on the page; try again.")

    page.context.set_offline(False)
    save(page)

    expect(page.locator("#toasts")).to_contain_text("Typed Text saved")
    assert site.stored(noor.username).name == "Typed Text"


def test_a_failure_on_our_side_says_that_nothing_was_saved(
    come_in: ComeIn, chief: Person, noor: Person
) -> None:
    page = come_in(chief, expecting=("500 from",))
    edit(page, noor)

    def to_the_failing_door(route: Route) -> None:
        route.fulfill(
            response=route.fetch(url=f"{page.url.split('/users')[0]}/fails", method="GET")
        )

    page.route(f"**/users/{noor.username}", to_the_failing_door)
    save(page)

    expect_failure(page, "Something went wrong on our side. Nothing was saved.")


def test_what_is_gone_says_so(come_in: ComeIn, chief: Person, noor: Person, site: Site) -> None:
    page = come_in(chief)
    edit(page, noor)
    site.change(noor.username, username=f"{noor.username}x")
    save(page)

    expect_failure(page, "There is no user of that name. They may have been renamed or deleted.")


def test_who_is_no_operator_any_more_is_told(
    come_in: ComeIn, chief: Person, noor: Person, site: Site
) -> None:
    page = come_in(chief)
    edit(page, noor)
    site.change(chief.username, is_superuser=False)  # which signs them out
    save(page)

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert site.stored(noor.username).name == "Noor Haddad"


def test_a_session_that_ended_elsewhere_goes_to_sign_in(
    come_in: ComeIn, chief: Person, noor: Person, site: Site
) -> None:
    page = come_in(chief)
    page.goto(f"/users?q={noor.username}")
    site.end_sessions(chief.username)
    page.get_by_role("link", name="Edit Noor Haddad").click()

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page).to_have_url(re.compile("/sign-in"))


def test_a_form_open_too_long_is_sent_by_the_second_press(
    come_in: ComeIn, chief: Person, noor: Person, site: Site
) -> None:
    page = come_in(chief)
    edit(page, noor)
    page.evaluate(
        """document.querySelectorAll("[name=csrf_token]").forEach((it) => { it.value = "old"; });
           document.querySelector("meta[name=csrf-token]").content = "old";"""
    )
    save(page)
    expect_failure(page, "This form was open too long. Press the button again.")
    assert site.stored(noor.username).name == "Noor Haddad"

    save(page)

    expect(page.locator("#toasts")).to_contain_text("Typed Text saved")
    assert site.stored(noor.username).name == "Typed Text"


def test_a_form_open_too_long_keeps_what_was_typed_without_script(
    come_in: ComeIn, chief: Person, site: Site
) -> None:
    page = come_in(chief)
    page.goto("/users/new-user")
    page.get_by_label("Name", exact=True).fill("Late Comer")
    page.get_by_label("Username").fill("latecomer")
    page.get_by_label("Email").fill("late@example.com")
    page.evaluate("document.querySelector('main [name=csrf_token]').value = 'old'")
    plain_submit(page, "main form")
    expect(page.get_by_role("heading", name="This form was open too long")).to_be_visible()
    expect(page.get_by_text("late@example.com")).to_be_visible()

    page.get_by_role("button", name="Send again").click()

    expect(page.get_by_role("heading", name="Late Comer")).to_be_visible()
    assert site.stored("latecomer").email == "late@example.com"


def test_guessing_passwords_is_answered_with_a_time(come_in: ComeIn, site: Site) -> None:
    who, page = site.newcomer("Guessed At"), come_in()
    page.goto("/sign-in")
    page.get_by_label("Username or email").fill(who.username)
    for _ in range(11):
        page.get_by_label("Password", exact=True).fill("not the password")
        with page.expect_response("**/sign-in") as answer:
            page.get_by_role("button", name="Sign in").click()
        answer.value.finished()

    expect(page.locator("#notice")).to_contain_text("You can try again at")
    expect(page.locator("#notice [data-retry-at]")).to_contain_text(
        re.compile(r"\d+ min \d+ s left")
    )
    expect(page.get_by_label("Username or email")).to_have_value(who.username)
