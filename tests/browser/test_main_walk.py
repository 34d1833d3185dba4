"""The main job, by a newcomer's hands: from a first tier to the limit, with script and without."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ComeIn
from tests.browser.site import Person, Site

pytestmark = pytest.mark.browser

PASSWORD = "three words of mine"
AS_PEOPLE_ARE = {"permissions": ["clipboard-read", "clipboard-write"]}
WITHOUT_SCRIPT = {"java_script_enabled": False}


def sign_in(page: Page, username: str, password: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("Username or email").fill(username)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


def make_tier(page: Page, name: str, starts: int) -> None:
    page.get_by_role("link", name="Tiers", exact=True).click()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Add tier").click()
    expect(page.get_by_role("heading", name=f"{name.capitalize()} tier")).to_be_visible()
    page.get_by_label("Route").select_option("jobs.start")
    page.get_by_label("Requests").fill(str(starts))
    page.get_by_label("Unit of time").select_option("days")
    page.get_by_role("button", name="Add limit").click()
    expect(page.get_by_role("row").filter(has_text="Background tasks")).to_contain_text(
        f"{starts} request per day"
    )


def invite(site: Site, page: Page, who: Person) -> str:
    page.get_by_role("link", name="Users", exact=True).click()
    page.get_by_role("link", name="New user").click()
    page.get_by_label("Name", exact=True).fill(who.name)
    page.get_by_label("Username").fill(who.username)
    page.get_by_label("Email").fill(f"{who.username}@example.com")
    page.get_by_label("Tier").select_option(who.tier)
    page.get_by_role("button", name="Add user").click()
    expect(page.get_by_text(f"{who.name} has no password yet.")).to_be_visible()
    return site.link_mailed_to(f"{who.username}@example.com")


def accept(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_label("Choose a password").fill(PASSWORD)
    page.get_by_role("button", name="Set password").click()
    expect(page.locator("#toasts")).to_contain_text("Your password is set. Sign in with it.")


def start_task(page: Page, name: str) -> None:
    page.get_by_role("link", name="Overview", exact=True).click()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Start task").click()


def allow(page: Page, tier: str, starts: int) -> None:
    page.goto(f"/tiers/{tier}")
    page.get_by_role("link", name="Edit limit for Background tasks").click()
    page.get_by_label("Requests").first.fill(str(starts))
    page.get_by_role("button", name="Save limit").click()
    expect(page.locator("#toasts")).to_contain_text(
        f"Background tasks now allows {starts} requests per day"
    )


def newcomer_of(tier: str) -> Person:
    return Person(f"of{tier}", "Nadia Newcomer", tier, PASSWORD)


def test_from_the_first_tier_to_the_limit(site: Site, come_in: ComeIn) -> None:
    chief, operator = site.newcomer("Hannah Lindqvist", operator=True), come_in(**AS_PEOPLE_ARE)
    sign_in(operator, chief.username, chief.password)
    make_tier(operator, "walkers", starts=1)
    nadia = newcomer_of("walkers")
    link = invite(site, operator, nadia)
    operator.get_by_role("button", name="Mail another link").click()
    expect(operator.locator("#toasts")).to_contain_text("Another link is on its way")

    page = come_in()
    accept(page, link)
    sign_in(page, nadia.username, PASSWORD)
    start_task(page, "My first numbers")
    expect(page.get_by_role("heading", name="My first numbers")).to_be_visible()
    address = page.url
    expect(page.get_by_role("progressbar")).to_have_attribute("value", re.compile(r"[1-9]\d?"))
    expect(page.locator("#progress-h")).to_contain_text("Running")
    expect(page.locator("#progress-h")).to_contain_text("Succeeded", timeout=20_000)
    assert page.url == address
    expect(page).to_have_title(re.compile("^Succeeded"))

    start_task(page, "One too many")
    note = page.locator("#notice")
    expect(note).to_contain_text("You can start another task at 00:00.")
    expect(note).to_contain_text("allows 1 request per day, and it is used")
    before = note.locator("[data-sec]").text_content()
    expect(note.locator("[data-sec]")).not_to_have_text(before or "")
    ticking = note.locator("[data-retry-at]")
    assert ticking.evaluate("it => it.closest('[role=alert], [role=status], [aria-live]')") is None
    expect(page.get_by_label("Name")).to_have_value("One too many")
    expect(page.locator("#quotas")).to_contain_text("Limit reached")
    assert page.locator("#notice .note").count() == 1

    allow(operator, "walkers", starts=20)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # polls at once
    expect(page.locator("#quotas")).to_contain_text("of 20 used")
    expect(page.locator("#quotas")).not_to_contain_text("Limit reached")


def test_the_same_walk_without_javascript(site: Site, come_in: ComeIn) -> None:
    chief, operator = site.newcomer("Hannah Lindqvist", operator=True), come_in(**WITHOUT_SCRIPT)
    sign_in(operator, chief.username, chief.password)
    make_tier(operator, "plainers", starts=1)
    nadia = newcomer_of("plainers")
    link = invite(site, operator, nadia)

    page = come_in(**WITHOUT_SCRIPT)
    accept(page, link)
    sign_in(page, nadia.username, PASSWORD)
    start_task(page, "My first numbers")
    for _ in range(100):
        page.get_by_role("link", name="Refresh").click()
        page.wait_for_timeout(200)
        if not page.get_by_role("link", name="Refresh").count():
            break
    expect(page.locator("#progress-h")).to_contain_text("Succeeded")

    start_task(page, "One too many")
    expect(page.get_by_role("heading", name="You can start another task at 00:00")).to_be_visible()
    expect(page.get_by_text("Limit reached", exact=True)).to_be_visible()

    allow(operator, "plainers", starts=20)
    page.get_by_role("button", name="Try again").click()  # what was typed is in it
    expect(page.get_by_role("heading", name="One too many")).to_be_visible()
    page.get_by_role("link", name="Overview", exact=True).click()
    expect(page.locator("#quotas")).to_contain_text("of 20 used")


def test_editing_and_undo_work_without_javascript(site: Site, come_in: ComeIn) -> None:
    chief, noor = site.newcomer("Hannah Lindqvist", operator=True), site.newcomer("Noor Haddad")
    page = come_in(chief, **WITHOUT_SCRIPT)
    page.goto("/users")
    page.get_by_label("Search users").fill(noor.username)
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Edit Noor Haddad").click()
    page.get_by_label("Name", exact=True).fill("")
    page.get_by_role("button", name="Save changes").click()
    expect(page).to_have_title(re.compile("^Error: "))
    expect(page.get_by_role("link", name="Enter a name")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("Noor Hadid")
    page.get_by_role("button", name="Save changes").click()
    expect(page.locator("#toasts")).to_contain_text("Noor Hadid saved")
    assert site.stored(noor.username).name == "Noor Hadid"

    page.get_by_role("button", name="Undo").click()

    expect(page.locator("#toasts")).to_contain_text("Noor Haddad is as before")
    assert site.stored(noor.username).name == "Noor Haddad"


def test_the_menu_of_a_phone_needs_no_javascript(site: Site, come_in: ComeIn) -> None:
    page = come_in(site.newcomer(), viewport={"width": 390, "height": 844}, **WITHOUT_SCRIPT)
    page.goto("/")
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Tasks", exact=True).click()

    expect(page.get_by_role("heading", name="Tasks", exact=True)).to_be_visible()
