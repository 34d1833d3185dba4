"""Every state in which people see how to call the API. Swagger UI has a test of its own."""

from playwright.sync_api import Page

from tests.browser.states import Guide, state, use_up


@state("API, with a limit reached")
def _(guide: Guide) -> Page:
    page = guide.holder("/", tier=guide.site.tier(starts=1))
    use_up(page, 1)
    page.goto("/developers/api?in=python")
    return page


@state("API documents, by Redoc")
def _(guide: Guide) -> Page:
    page = guide.stranger("/redoc")
    page.get_by_role("heading", name="Start the demonstration").wait_for()
    return page
