"""Toasts leave by themselves, wait while somebody looks at them, and Undo takes things back."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import ComeIn
from tests.browser.site import Person, Site

pytestmark = pytest.mark.browser


@pytest.fixture
def noor(site: Site) -> Person:
    return site.newcomer("Noor Haddad")


@pytest.fixture
def page(site: Site, come_in: ComeIn) -> Page:
    """An operator's browser in which the test turns the clock."""
    page = come_in(site.newcomer("Hannah Lindqvist", operator=True), afresh=True)
    page.clock.install()
    return page


def save(page: Page, who: Person) -> Locator:
    """Save a person in the row; the toast that says so."""
    page.goto(f"/users?q={who.username}")
    page.get_by_role("link", name=f"Edit {who.name}").click()
    page.get_by_role("button", name="Save changes").click()
    toast = page.locator("#toasts .toast2")
    expect(toast).to_have_text(f"{who.name} saved Undo", use_inner_text=True)
    page.mouse.move(5, 5)
    return toast


def seconds_go_by(page: Page, seconds: int) -> None:
    page.clock.run_for(seconds * 1000)


def test_a_toast_with_undo_stays_ten_seconds(page: Page, noor: Person) -> None:
    toast = save(page, noor)
    seconds_go_by(page, 8)
    expect(toast).to_have_count(1)

    seconds_go_by(page, 4)

    expect(toast).to_have_count(0)


def test_a_plain_toast_stays_five_seconds(page: Page, noor: Person) -> None:
    page.goto(f"/users/{noor.username}")
    page.get_by_role("button", name="Reset counts").click()
    toast = page.locator("#toasts .toast2")
    expect(toast).to_contain_text("Counts of Noor Haddad start again at zero")
    page.mouse.move(5, 5)
    seconds_go_by(page, 3)
    expect(toast).to_have_count(1)

    seconds_go_by(page, 4)

    expect(toast).to_have_count(0)


def test_a_toast_waits_while_it_is_pointed_at_or_focused(page: Page, noor: Person) -> None:
    toast = save(page, noor)
    toast.hover()
    seconds_go_by(page, 30)
    expect(toast).to_have_count(1)
    page.mouse.move(5, 5)
    toast.get_by_role("button", name="Undo").focus()
    seconds_go_by(page, 30)
    expect(toast).to_have_count(1)

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # Dismiss

    expect(toast).to_have_count(0)


def test_a_deleted_person_comes_back_by_undo(page: Page, noor: Person, site: Site) -> None:
    page.goto(f"/users/{noor.username}")
    page.get_by_role("button", name="Delete user").click()
    expect(page.locator("#toasts")).to_contain_text("Noor Haddad deleted")
    assert site.stored(noor.username).is_deleted

    page.get_by_role("button", name="Undo").click()

    expect(page.locator("#toasts")).to_contain_text("Noor Haddad restored")
    assert not site.stored(noor.username).is_deleted


def test_undo_that_comes_too_late_says_where_to_look(page: Page, noor: Person, site: Site) -> None:
    toast = save(page, noor)
    site.change(noor.username, name="Changed Since")
    toast.get_by_role("button", name="Undo").click()

    expect(page.locator("#toasts")).to_contain_text(
        "This changed again since. Open Changed Since to edit."
    )
    assert site.stored(noor.username).name == "Changed Since"
