"""Everybody can use every page: WCAG 2.2 AA, narrow screens, and the keyboard alone."""

from typing import Literal

import pytest
from playwright.sync_api import Page

from tests.browser import axe
from tests.browser.conftest import ComeIn
from tests.browser.site import Site
from tests.browser.states import STATES, Guide

pytestmark = pytest.mark.browser

# No colour depends on the width, and nothing else on the colours: each is looked at once.
LOOKS: tuple[tuple[int, Literal["light", "dark"], dict[str, bool]], ...] = (
    (1280, "light", {}),
    (1280, "dark", {"form": False}),
    (390, "light", {"colours": False}),
)
# What has the focus, and whether one sees that it has: a ring of 2 px or more around it.
RING = """() => {
  const it = document.activeElement, style = getComputedStyle(it);
  const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const box = it.getBoundingClientRect();
  it.dataset.stop ??= String(document.querySelectorAll("[data-stop]").length + 1);
  return { stop: it.dataset.stop, tag: it.tagName, what: it.outerHTML.slice(0, 120),
           seen: seen && box.width > 0 && box.bottom > 0 && box.top < innerHeight };
}"""
STOPS = """() => [...document.querySelectorAll(
  "a[href], button, input:not([type=hidden]), select, summary, textarea, [tabindex='0']")]
  .filter((each) => each.checkVisibility({ visibilityProperty: true })).length"""


@pytest.fixture
def guide(site: Site, come_in: ComeIn) -> Guide:
    return Guide(site, come_in)


@pytest.mark.parametrize("name", STATES)
def test_axe_finds_nothing_and_nothing_scrolls_sideways(guide: Guide, name: str) -> None:
    page = STATES[name](guide)
    for width, scheme, at in LOOKS:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        assert axe.problems(page, **at) == [], f"{name} at {width} in {scheme}"

    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize(
    "name",
    [
        "sign-in refused",
        "overview, with the limit reached",
        "user edited in the row, refused",
        "limit edited in the row, refused",
        "tiers compared",
        "user",
        "task running",
        "jobs that failed, one ticked",
    ],
)
def test_tab_reaches_everything_and_the_ring_is_always_seen(guide: Guide, name: str) -> None:
    page = STATES[name](guide)
    stops = page.evaluate(STOPS)

    assert walk_by_keyboard(page, stops) == stops


def walk_by_keyboard(page: Page, stops: int) -> int:
    """Press Tab from the top until the page is left; how many things were reached."""
    page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0); }")
    reached = set()
    for _ in range(stops + 5):
        page.keyboard.press("Tab")
        now = page.evaluate(RING)
        if now["tag"] == "BODY":
            continue
        assert now["seen"], now["what"]
        reached.add(now["stop"])
    return len(reached)


def test_the_skip_link_leads_past_the_menu(guide: Guide) -> None:
    page = guide.operator("/users")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_the_menu_of_a_phone_opens_and_closes_by_keyboard(guide: Guide) -> None:
    page = guide.operator("/")
    page.set_viewport_size({"width": 390, "height": 844})
    button = page.get_by_role("button", name="Menu")
    button.focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("link", name="Users").is_visible()

    page.keyboard.press("Escape")

    assert not page.get_by_role("link", name="Users").is_visible()
    assert button.evaluate("button => button === document.activeElement")
