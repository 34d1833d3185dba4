"""A page that watches something asks while it is looked at, says what matters, and then stops."""

import re

import pytest
from playwright.sync_api import Page, expect

from app.database import now
from tests.browser.conftest import ComeIn
from tests.browser.site import Person, Site
from tests.browser.states import press, use_up

pytestmark = pytest.mark.browser

NO_ANSWER = "Failed to fetch"
HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture
def priya(site: Site) -> Person:
    return site.newcomer("Priya Raman")


def asked_of(page: Page, path: str) -> list[str]:
    """What the page asks of that path from now on, as it happens."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if path in request.url else None)
    return asked


def look_again(page: Page) -> None:
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_a_running_task_is_followed_and_the_last_answer_ends_it(
    site: Site, come_in: ComeIn, priya: Person
) -> None:
    job, page = site.job(priya, status="running", attempt=1, progress=10, started_at=now()), None
    page = come_in(priya)
    page.goto(f"/tasks/{job}")
    site.change_job(job, progress=55)
    expect(page.locator("#job")).to_contain_text("55 %")
    expect(page.locator("#announce")).to_contain_text("50% done")
    expect(page).to_have_title(re.compile("^55% · Monthly usage report"))

    site.change_job(job, status="succeeded", progress=100, finished_at=now())

    expect(page.locator("#job")).to_contain_text("Succeeded")
    expect(page.locator("#announce")).to_contain_text("Succeeded")
    assert page.locator("#job").get_attribute("hx-trigger") is None
    asked = asked_of(page, f"/tasks/{job}")
    page.wait_for_timeout(2500)
    assert asked == []


def test_a_hidden_tab_asks_nothing_and_a_shown_one_asks_at_once(
    site: Site, come_in: ComeIn, priya: Person
) -> None:
    job = site.job(priya, status="running", attempt=1, progress=10, started_at=now())
    page = come_in(priya, afresh=True)
    page.clock.install()
    page.goto(f"/tasks/{job}")
    page.evaluate(HIDE, True)
    asked = asked_of(page, f"/tasks/{job}")
    page.clock.run_for(30_000)
    assert asked == []

    site.change_job(job, progress=80)
    page.evaluate(HIDE, False)

    expect(page.locator("#job")).to_contain_text("80 %")


def test_a_poll_that_fails_keeps_the_values_and_says_since_when(
    come_in: ComeIn, priya: Person
) -> None:
    page = come_in(priya, expecting=(NO_ANSWER,))
    page.goto("/")
    page.context.set_offline(True)
    look_again(page)

    expect(page.locator("[data-updated]")).to_have_text(
        re.compile(r"Not updated since \d\d:\d\d:\d\d")
    )
    expect(page.locator("#quotas")).to_contain_text("of 10 used")
    expect(page.locator("#toasts .toast2")).to_have_count(0)
    page.context.set_offline(False)
    look_again(page)
    expect(page.locator("[data-updated]")).to_have_text(re.compile(r"^Updated"))


def test_watching_costs_no_quota(site: Site, come_in: ComeIn) -> None:
    page = come_in(site.newcomer(tier=site.tier(starts=2)))
    use_up(page, 1)
    page.goto("/")
    for _ in range(3):
        with page.expect_response("**/quotas"):
            look_again(page)

    expect(page.locator("#quotas")).to_contain_text("1 of 2 used")


def test_a_running_task_is_cancelled_and_never_said_to_have_stopped_before(
    site: Site, come_in: ComeIn, priya: Person
) -> None:
    job = site.job(priya, status="running", attempt=1, progress=10, started_at=now())
    page = come_in(priya)
    page.goto(f"/tasks/{job}")
    press(page, "Cancel task")
    expect(page.locator("#progress-h")).to_contain_text("Stopping…")
    expect(page.locator("#progress-h")).to_be_focused()

    site.change_job(job, status="cancelled", finished_at=now())

    expect(page.locator("#progress-h")).to_contain_text("Cancelled")
    expect(page.get_by_role("button", name="Retry")).to_be_visible()


def test_a_waiting_task_says_that_no_worker_is_running(site: Site, come_in: ComeIn) -> None:
    bob, chief = site.newcomer("Bob Builder"), site.newcomer("Hannah Lindqvist", operator=True)
    job = site.job(bob)
    with site.without_worker():
        page = come_in(bob)
        page.goto(f"/tasks/{job}")
        expect(page.get_by_text("This task waits until one is. Nothing is lost.")).to_be_visible()
        page = come_in(chief)
        page.goto(f"/tasks/{job}")
        expect(page.locator(".note-bad")).to_contain_text("./dev flask worker")

    expect(page.locator(".note-bad")).to_have_count(0)


def test_the_start_button_waits_for_the_time_and_says_when_it_has_come(
    site: Site, come_in: ComeIn
) -> None:
    page = come_in(site.newcomer(tier=site.tier(starts=1)))
    use_up(page, 1)
    page.goto("/tasks")
    press(page, "Start task")
    button = page.get_by_role("button", name="Start task")
    expect(page.locator("#notice")).to_be_visible()
    expect(button).to_have_attribute("aria-disabled", "true")

    page.evaluate(
        """() => { const clock = document.querySelector("[data-retry-at]");
                   clock.dataset.retryAt = new Date(Date.now() + 1500).toISOString(); }"""
    )

    expect(button).not_to_have_attribute("aria-disabled", "true")
    expect(page.locator("#announce")).to_have_text("You can try again now.")


def test_a_task_that_ends_meanwhile_is_told_on_any_page_that_is_looked_at(
    site: Site, come_in: ComeIn, priya: Person
) -> None:
    job = site.job(priya, status="running", attempt=1, progress=10, started_at=now())
    page = come_in(priya, afresh=True)
    page.clock.install()
    page.goto("/profile")
    expect(page.get_by_role("link", name="Tasks 1 waiting or running")).to_be_visible()
    page.get_by_label("Name", exact=True).focus()
    page.evaluate(HIDE, True)
    asked = asked_of(page, "/tasks/news")
    site.change_job(job, status="succeeded", progress=100, finished_at=now())
    page.clock.run_for(30_000)
    assert asked == []

    page.evaluate(HIDE, False)

    toast = page.locator("#toasts .toast2")
    expect(toast).to_contain_text("Monthly usage report is done")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    expect(page.get_by_role("link", name="Tasks", exact=True)).to_be_visible()
    page.clock.run_for(30_000)
    assert len(asked) == 1
    expect(toast).to_have_count(0)


def test_a_toast_leads_to_the_task_that_a_worker_has_done(site: Site, come_in: ComeIn) -> None:
    page = come_in(site.newcomer(tier=site.tier(starts=2)))
    use_up(page, 1)
    page.goto("/profile")

    page.get_by_role("link", name="View task").click()

    expect(page.locator("#progress-h")).to_contain_text("Succeeded")


def test_the_board_of_jobs_comes_anew_around_what_is_ticked_and_focused(
    site: Site, come_in: ComeIn, priya: Person
) -> None:
    failed = {"name": "Yearly report", "status": "failed", "error": "No", "attempt": 3}
    site.job(priya, **failed, finished_at=now())
    page = come_in(site.newcomer("Hannah Lindqvist", operator=True))
    page.goto("/jobs?state=failed&q=yearly")
    page.get_by_role("checkbox", name="Tick Yearly report").check()
    page.get_by_role("button", name="Pause the queue mail").focus()
    site.job(priya, **failed, finished_at=now())

    look_again(page)

    expect(page.locator("#job-news")).to_have_text("1 new. Show")
    expect(page.locator("#view-failed")).to_have_text("Failed 2")
    expect(page.locator("#announce")).to_have_text("1 more job failed")
    expect(page.get_by_role("checkbox", name="Tick Yearly report")).to_be_checked()
    assert page.evaluate("document.activeElement.id") == "press-mail"
    page.get_by_role("link", name="Show").click()
    expect(page.locator("#job-results tbody tr")).to_have_count(2)
    page.get_by_label("Refresh").select_option("Paused")
    page.wait_for_url("**refresh=off**")
    expect(page.locator("#live")).not_to_have_attribute("hx-trigger", re.compile(""))
