"""An operator is asked for the password before what is dangerous, with and without script."""

import pytest
from playwright.sync_api import Page, expect

from tests.auth.coming_in import let_pass
from tests.browser.conftest import ComeIn
from tests.browser.site import Person, Site
from tests.people import PASSWORD

pytestmark = pytest.mark.browser


def forget(site: Site, who: Person) -> None:
    """Let the ten minutes pass."""
    let_pass(site.app, 11, who.username)


@pytest.mark.parametrize("has_script", [True, False])
def test_the_password_is_asked_once_and_what_was_pressed_is_done(
    site: Site, come_in: ComeIn, has_script: bool
) -> None:
    hannah = site.newcomer("Hannah Lindqvist", operator=True)
    who = site.newcomer("Noor Haddad")
    page = come_in(hannah, java_script_enabled=has_script, expecting=("403", "422"))
    forget(site, hannah)

    page.goto(f"/users/{who.username}?from=list")
    page.get_by_role("button", name="Make operator").click()
    field = page.get_by_label("Your password", exact=True)
    expect(field).to_be_focused()
    field.fill("wrong")
    confirm(page)
    expect(page.locator("#confirm_password-error")).to_contain_text("not your password")
    field.fill(PASSWORD)
    confirm(page)

    page.wait_for_url(f"**/users/{who.username}?from=list")
    expect(page.locator("#toasts p", has_text="Noor Haddad is an operator")).to_be_visible()
    assert site.stored(who.username).is_superuser
    page.get_by_role("button", name="Undo").click()
    expect(
        page.locator("#toasts p", has_text="Noor Haddad is no operator any more")
    ).to_be_visible()
    assert not site.stored(who.username).is_superuser


def confirm(page: Page) -> None:
    page.get_by_role("button", name="Confirm").click()


def test_cancel_goes_back_and_nothing_is_done(site: Site, come_in: ComeIn) -> None:
    hannah = site.newcomer("Hannah Lindqvist", operator=True)
    who = site.newcomer("Noor Haddad")
    page = come_in(hannah, expecting=("403",))
    forget(site, hannah)

    page.goto(f"/users/{who.username}")
    page.get_by_role("button", name="Require a password reset").click()
    page.get_by_role("link", name="Cancel").click()

    page.wait_for_url(f"**/users/{who.username}")
    assert not site.stored(who.username).must_reset


def test_a_second_press_does_not_sign_out(site: Site, come_in: ComeIn) -> None:
    hannah = site.newcomer("Hannah Lindqvist", operator=True)
    who = site.newcomer("Noor Haddad")
    page = come_in(hannah, expecting=("403",))
    forget(site, hannah)

    page.goto(f"/users/{who.username}")
    page.get_by_role("button", name="Delete user").click()
    page.get_by_label("Your password", exact=True).fill(PASSWORD)
    stopped = page.evaluate("""() => {
        const stopped = [];
        document.addEventListener("submit", (e) => stopped.push(e.defaultPrevented));
        const button = document.querySelector("#confirm button[type=submit]");
        button.click(); button.click();
        return stopped;
    }""")

    assert stopped == [False, True]
    expect(page.locator("#toasts p", has_text="Noor Haddad deleted")).to_be_visible()


def test_a_part_that_needs_the_password_gives_way_to_the_question(
    site: Site, come_in: ComeIn
) -> None:
    hannah = site.newcomer("Hannah Lindqvist", operator=True)
    who = site.newcomer("Noor Haddad")
    page = come_in(hannah, expecting=("403",))
    forget(site, hannah)

    page.goto(f"/users/{who.username}?from=list")
    page.evaluate(
        "path => { htmx.ajax('POST', path, {target: '#tier-panel', swap: 'outerHTML'}); }",
        f"/users/{who.username}/deactivate",
    )
    expect(page.locator("#main #confirm")).to_be_visible()
    field = page.get_by_label("Your password", exact=True)
    expect(field).to_be_focused()
    field.fill(PASSWORD)
    confirm(page)

    page.wait_for_url(f"**/users/{who.username}?from=list")
    assert not site.stored(who.username).active
