"""After every answer the focus is where the person goes on, chosen by the server."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import ComeIn
from tests.browser.site import Person, Site

pytestmark = pytest.mark.browser


@pytest.fixture
def chief(site: Site) -> Person:
    return site.newcomer("Hannah Lindqvist", operator=True)


@pytest.fixture
def noor(site: Site) -> Person:
    return site.newcomer("Noor Haddad", tier="free")


@pytest.fixture
def page(come_in: ComeIn, chief: Person) -> Page:
    """The operator's browser; it keeps every fragment that answered a press."""
    return come_in(chief)


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name)


def edit_noor(page: Page, noor: Person) -> None:
    page.goto(f"/users?q={noor.username}")
    page.get_by_role("link", name="Edit Noor Haddad").click()


def test_an_opened_editor_begins_in_its_first_field(page: Page, noor: Person) -> None:
    edit_noor(page, noor)

    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Noor Haddad")
    expect(page.locator("tr.editor").get_by_label("Tier")).to_have_value("free")


def test_enter_saves_and_the_focus_returns_to_edit(page: Page, noor: Person, site: Site) -> None:
    edit_noor(page, noor)
    page.get_by_label("Name", exact=True).fill("Noor Hadid")
    page.keyboard.press("Enter")

    expect(page.get_by_role("link", name="Edit Noor Hadid")).to_be_focused()
    assert site.stored(noor.username).name == "Noor Hadid"
    assert site.stored(noor.username).tier.name == "free"


def test_escape_leaves_the_editor_and_changes_nothing(page: Page, noor: Person, site: Site) -> None:
    edit_noor(page, noor)
    page.get_by_label("Name", exact=True).fill("Somebody Else")
    page.keyboard.press("Escape")

    expect(page.get_by_role("link", name="Edit Noor Haddad")).to_be_focused()
    assert site.stored(noor.username).name == "Noor Haddad"


def test_a_refused_row_goes_to_the_first_wrong_field(page: Page, noor: Person) -> None:
    edit_noor(page, noor)
    page.get_by_label("Email").fill("nowhere")
    button(page, "Save changes").click()

    wrong = page.get_by_label("Email")
    expect(wrong).to_be_focused()
    expect(wrong).to_have_value("nowhere")
    expect(wrong).to_have_accessible_description(
        re.compile("Error: ?Enter an email address like name@example.com")
    )


def test_a_refused_page_goes_to_the_summary(page: Page) -> None:
    page.goto("/users/new-user")
    button(page, "Add user").click()

    expect(page.locator("#error-summary")).to_be_focused()
    page.get_by_role("link", name="Enter a username").click()
    expect(page.get_by_label("Username")).to_be_focused()


def test_an_edit_conflict_shows_both_values_and_one_press_keeps_ones_own(
    page: Page, noor: Person, site: Site
) -> None:
    edit_noor(page, noor)
    page.get_by_label("Name", exact=True).fill("My Name")
    site.change(noor.username, name="Their Name")
    button(page, "Save changes").click()

    note = page.locator("tr.editor [role=alert]")
    expect(note).to_contain_text("Name is now “Their Name”")
    expect(page.get_by_label("Name", exact=True)).to_have_value("My Name")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    button(page, "Save changes").click()
    expect(page.locator("#toasts")).to_contain_text("My Name saved")
    assert site.stored(noor.username).name == "My Name"


def test_a_moved_person_leaves_the_focus_on_the_button(
    page: Page, noor: Person, site: Site
) -> None:
    page.goto(f"/users/{noor.username}")
    page.get_by_label("Assigned tier").select_option("pro")
    button(page, "Change tier").click()

    expect(page.locator("#toasts")).to_contain_text("Noor Haddad moved to Pro")
    expect(button(page, "Change tier")).to_be_focused()
    expect(page.locator("#quota-panel")).to_contain_text("of 10 used")
    button(page, "Undo").click()
    expect(page.locator("#toasts")).to_contain_text("Noor Haddad is back on Free")
    assert site.stored(noor.username).tier.name == "free"


def open_limit(page: Page, tier: str) -> None:
    page.goto(f"/tiers/{tier}")
    page.get_by_role("link", name="Edit limit for Background tasks").click()
    expect(page.get_by_label("Requests").first).to_be_focused()


def test_a_saved_limit_returns_to_its_edit_link(page: Page, site: Site) -> None:
    open_limit(page, site.tier(starts=3))
    page.keyboard.press("Control+A")
    page.keyboard.type("30")
    expect(page.get_by_text("30 requests per day")).to_be_visible()  # before it is saved
    page.keyboard.press("Enter")

    expect(page.locator("#toasts")).to_contain_text("now allows 30 requests per day")
    expect(page.get_by_role("link", name="Edit limit for Background tasks")).to_be_focused()


def test_a_left_limit_returns_to_its_edit_link(page: Page, site: Site) -> None:
    open_limit(page, site.tier(starts=3))
    page.keyboard.press("Escape")

    expect(page.get_by_role("link", name="Edit limit for Background tasks")).to_be_focused()


def test_a_refused_limit_goes_to_the_wrong_number(page: Page, site: Site) -> None:
    open_limit(page, site.tier(starts=3))
    page.get_by_label("Every").first.fill("0")
    button(page, "Save limit").click()

    expect(page.get_by_label("Every").first).to_be_focused()
    expect(page.get_by_text("Enter 1 or more")).to_be_visible()


def test_a_removed_limit_leaves_the_focus_on_the_heading_and_undo_brings_it_back(
    page: Page, site: Site
) -> None:
    open_limit(page, site.tier(starts=3))
    button(page, "Remove limit").click()

    expect(page.locator("#toasts")).to_contain_text("Limit for Background tasks removed")
    expect(page.get_by_role("heading", name="Rate limits")).to_be_focused()
    button(page, "Undo").click()
    expect(page.get_by_role("row").filter(has_text="Background tasks")).to_contain_text(
        "3 requests per day"
    )


def test_two_editors_may_be_open_and_the_browser_asks_before_typed_text_is_lost(
    page: Page, noor: Person
) -> None:
    page.goto("/users?q=example.com&sort=name")
    page.locator("a[id^=edit-]").nth(0).click()
    expect(page.locator("tr.editor")).to_have_count(1)
    page.locator("a[id^=edit-]").nth(0).click()
    expect(page.locator("tr.editor")).to_have_count(2)
    page.locator("tr.editor input[name=name]").first.press_sequentially("x")
    asked = []
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))

    page.get_by_role("link", name="Tiers", exact=True).click()

    expect(page.get_by_role("heading", name="Tiers", exact=True)).to_be_visible()
    assert asked == ["beforeunload"]


def answers_to(page: Page, act: str) -> list[str]:
    """The fragments that came back while the button or link of that name was pressed."""
    with page.expect_response(lambda response: "hx-request" in response.request.headers) as came:
        page.get_by_role("button", name=act).or_(page.get_by_role("link", name=act)).first.click()
    return came.value.text()


@pytest.mark.parametrize(
    ("path", "acts"),
    [
        ("/users?q=bob", ("Edit Bob", "Cancel")),
        ("/users/new-user", ("Add user",)),
        ("/users/carol", ("Change tier", "Reset counts")),
        ("/tiers", ("Add tier",)),
        ("/tiers/pro", ("Edit limit for Background tasks", "Save limit")),
        ("/sign-in", ("Sign in",)),
    ],
)
def test_each_fragment_that_answers_has_one_autofocus(
    come_in: ComeIn, chief: Person, path: str, acts: tuple[str, ...]
) -> None:
    page = come_in(None if path == "/sign-in" else chief)
    page.goto(path, wait_until="networkidle")  # what a page loads by itself answers nobody
    for act in acts:
        fragment = answers_to(page, act)
        count = page.evaluate(
            """html => { const part = document.createElement("template"); part.innerHTML = html;
               return part.content.querySelectorAll("[autofocus]").length; }""",
            fragment,
        )
        assert count == 1, f"{act}: {fragment}"
