"""Every state in which people see posts."""

from playwright.sync_api import Page

from tests.browser.site import Person
from tests.browser.states import Guide, press, state
from tests.posts.written import write

LONG = "A walk along the river.\n\nIt rained, and then it did not.\n" + "Wordwithoutend" * 30


def writer(guide: Guide) -> tuple[Person, int]:
    """Somebody who wrote; the number of the last post."""
    who, picture = guide.site.newcomer("Priya Raman"), "https://example.com/" + "river/" * 20
    for n in range(26):
        number = write(guide.site.app, who.username, f"Day {n + 1}", text=LONG, media_url=picture)
    return who, number


@state("posts, none")
def _(guide: Guide) -> Page:
    return guide.holder("/posts")


@state("posts")
def _(guide: Guide) -> Page:
    return guide.person(writer(guide)[0], "/posts")


@state("posts of somebody, as an operator")
def _(guide: Guide) -> Page:
    return guide.operator(f"/posts/by/{writer(guide)[0].username}")


@state("post")
def _(guide: Guide) -> Page:
    who, number = writer(guide)
    return guide.person(who, f"/posts/{number}")


@state("post deleted, with Undo")
def _(guide: Guide) -> Page:
    who, number = writer(guide)
    page = guide.person(who, f"/posts/{number}")
    press(page, "Delete post")
    page.locator("#toasts").get_by_text("is deleted").hover()
    return page


@state("new post refused")
def _(guide: Guide) -> Page:
    page = guide.holder("/posts/new")
    press(page, "Publish post")
    page.locator("#error-summary").wait_for()
    return page


@state("post edited, changed meanwhile")
def _(guide: Guide) -> Page:
    who, number = writer(guide)
    page = guide.person(who, f"/posts/{number}/edit")
    page.locator("[name=version]").evaluate("field => { field.value = '99' }")
    press(page, "Save post")
    page.get_by_text("The text as it is now").click()
    return page
