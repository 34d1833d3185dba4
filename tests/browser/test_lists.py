"""Lists: typing finds, the focus stays, the address is true, going back gives whole pages."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ComeIn
from tests.browser.site import Person, Site

pytestmark = pytest.mark.browser

ANNOUNCED = "#announce"


@pytest.fixture
def page(site: Site, come_in: ComeIn) -> Page:
    page = come_in(site.newcomer("Hannah Lindqvist", operator=True))
    page.goto("/users")
    return page


@pytest.fixture(scope="module")
def crowd(site: Site) -> list[Person]:
    """More people of one name than a page holds."""
    return [site.newcomer("Zelda Crowd") for _ in range(30)]


def test_typing_finds_keeps_the_focus_and_says_how_many(page: Page, site: Site) -> None:
    who = site.newcomer("Ximena Unique")
    search = page.get_by_label("Search users")
    search.press_sequentially(who.username)

    expect(page).to_have_url(re.compile(rf"\?q={who.username}"))
    expect(page.get_by_role("link", name="Ximena Unique", exact=True)).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(search).to_be_focused()
    expect(search).to_have_value(who.username)
    expect(page.locator(ANNOUNCED)).to_have_text("1 user found")


def test_nothing_found_says_what_was_looked_for(page: Page) -> None:
    page.get_by_label("Search users").fill("zzyzx")

    expect(page.get_by_role("heading", name="No users match “zzyzx”")).to_be_visible()
    expect(page.locator(ANNOUNCED)).to_have_text("No users match")
    page.get_by_role("link", name="Clear search").click()
    expect(page.get_by_role("link", name="Alice Archer", exact=True)).to_be_visible()


def test_slash_goes_to_the_search(page: Page) -> None:
    page.keyboard.press("/")

    expect(page.get_by_label("Search users")).to_be_focused()
    expect(page.get_by_label("Search users")).to_have_value("")


def test_filters_are_in_the_address_and_survive_a_reload(page: Page) -> None:
    page.get_by_label("Tier").select_option("free")
    expect(page).to_have_url(re.compile("tier=free"))
    page.reload()

    expect(page.get_by_label("Tier")).to_have_value("free")
    expect(page.get_by_role("link", name="Bob Baker", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Carol Cooper", exact=True)).to_have_count(0)


def test_sorting_keeps_the_focus_on_its_heading(page: Page) -> None:
    page.get_by_role("link", name="Email").click()

    expect(page).to_have_url(re.compile("sort=email"))
    expect(page.get_by_role("columnheader", name="Email")).to_have_attribute(
        "aria-sort", "ascending"
    )
    expect(page.get_by_role("link", name="Email")).to_be_focused()


def test_search_view_and_order_go_together(page: Page, crowd: list[Person]) -> None:
    page.goto("/users?q=Zelda&sort=name")
    page.get_by_role("link", name="Next").click()
    expect(page).to_have_url(re.compile("(?=.*q=Zelda)(?=.*sort=name)(?=.*page=2)"))
    expect(page.locator(ANNOUNCED)).to_have_text("Page 2 of 2")
    page.get_by_label("Search users").fill("Zelda C")

    expect(page).to_have_url(re.compile(r"(?=.*q=Zelda\+C)(?=.*sort=name)"))
    assert "page=2" not in page.url


def test_going_back_gives_whole_pages(page: Page, crowd: list[Person]) -> None:
    page.goto("/users?q=Zelda")
    page.get_by_role("link", name="Page 2").click()
    expect(page).to_have_url(re.compile("page=2"))
    page.get_by_role("link", name="Zelda Crowd", exact=True).first.click()
    expect(page.get_by_role("heading", name="Zelda Crowd")).to_be_visible()

    page.go_back()
    expect(page).to_have_url(re.compile("page=2"))
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    expect(page.get_by_text("26–30 of 30")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("1–25 of 30")).to_be_visible()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    expect(page.get_by_label("Search users")).to_have_value("Zelda")
