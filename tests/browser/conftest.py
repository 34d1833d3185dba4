"""A site for each test process, and Chromium to open it with."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.site import Person, Site
from tests.browser.watch import Watch

# The first is the same Chromium without a window of its own: pages take a third less time in it.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MILLISECONDS = 10_000

ComeIn = Callable[..., Page]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A live site in embedded mode; people and tiers of a test's own keep tests apart."""
    with Site(tmp_path_factory.mktemp("site")) as live:
        yield live


@pytest.fixture(scope="session")
def base_url(site: Site) -> str:
    return site.address


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """Debian's Chromium, or whichever is on PATH; without one CI fails and others skip."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        sentence = "No Chromium is on PATH, so no page was opened in a browser."
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(sentence)
    return {"executable_path": found, "args": list(ARGUMENTS)}


@pytest.fixture(scope="module")
def plain_page(browser: Browser, site: Site) -> Iterator[Page]:
    """A page without anything special, for one test of the module after the other."""
    context = browser.new_context(base_url=site.address, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    yield context.new_page()
    context.close()


@pytest.fixture
def come_in(browser: Browser, site: Site, plain_page: Page) -> Iterator[ComeIn]:
    """Open a browser of one's own, signed in as a person of the site, or as a stranger.

    ``come_in(person, expecting=("500",), **context)``: each page is watched, and what a page
    complains about fails the test, but for what holds one of the ``expecting`` words. The first
    one without wishes for its context is the page of the test before, which has forgotten
    everything: a new browser each time would take longer than most tests. ``afresh`` is for who
    leaves what cannot be forgotten, such as another clock.
    """
    forget(plain_page)
    unused = [plain_page]
    contexts: list[BrowserContext] = []
    watches: list[Watch] = []

    def open_browser(
        who: Person | None = None,
        *,
        expecting: tuple[str, ...] = (),
        afresh: bool = False,
        **options: Any,
    ) -> Page:
        watch = Watch(expecting)
        watches.append(watch)
        if unused and not options and not afresh:
            page = unused.pop()
            watch.look_at(page)
        else:
            options = {"reduced_motion": "reduce", **options}
            context = browser.new_context(base_url=site.address, **options)
            contexts.append(context)
            context.set_default_timeout(PATIENCE_MILLISECONDS)
            context.on("page", watch.look_at)
            page = context.new_page()
        if who:
            page.context.add_cookies([site.cookie_of(who)])  # type: ignore[list-item]
        return page

    yield open_browser
    for watch in watches:
        watch.look_away(plain_page)
    for context in contexts:
        context.close()
    complaints = [complaint for watch in watches for complaint in watch.complaints]
    assert complaints == [], site.log("web")[-3000:]


def forget(page: Page) -> None:
    """Leave nothing that the test before did."""
    for other in page.context.pages:
        if other != page:
            other.close()
    page.context.unroute_all()
    page.unroute_all()
    page.goto("about:blank")
    page.set_viewport_size({"width": 1280, "height": 720})
    page.emulate_media(media="null", color_scheme="light", reduced_motion="reduce")
    page.context.set_offline(False)
    page.context.clear_cookies()
    page.context.clear_permissions()
