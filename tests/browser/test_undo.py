"""An operator takes a change back from the audit log, with and without script."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ComeIn
from tests.browser.site import Site

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("has_script", [True, False])
def test_a_limit_is_as_before_after_undo_in_the_log(
    site: Site, come_in: ComeIn, has_script: bool
) -> None:
    tier = site.tier(starts=7)
    hannah = site.newcomer("Hannah Lindqvist", operator=True)
    page = come_in(hannah) if has_script else come_in(hannah, java_script_enabled=False)
    page.goto(f"/tiers/{tier}")
    page.get_by_role("link", name="Edit limit for Background tasks").click()
    page.get_by_label("Requests").fill("2")
    page.get_by_role("button", name="Save limit").click()
    said(page, "Background tasks now allows 2 requests per day")

    page.goto(f"/audit?q={tier}")
    undo = page.get_by_role("button", name=f"Undo “Changed a limit of {tier}”")
    expect(undo).to_have_count(1)
    undo.click()

    said(page, "Background tasks allows 7 requests per day again")
    assert page.url.endswith(f"/audit?q={tier}")
    # The newest entry is the undo, which can be undone; the one before has been.
    expect(page.locator("#entries tr[id]")).to_have_count(2)
    expect(page.locator("#entries tr[id]").first).to_contain_text("Undo")
    expect(page.locator("#entries tr[id]").last).not_to_contain_text("Undo")
    page.goto(f"/tiers/{tier}")
    expect(page.locator("#limits .phrase").first).to_have_text("7 requests per day")


def said(page: Page, words: str) -> None:
    expect(page.locator("#toasts p", has_text=words)).to_be_visible()
