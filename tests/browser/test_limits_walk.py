"""The walk of the limits: two tiers, two people, what each face says, by hand and by program."""

import json
import re
import time
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ComeIn
from tests.browser.site import Person, Site
from tests.tokens.deeds import bearing, token_of

pytestmark = pytest.mark.browser

TASK, MINE = "/api/v1/tasks/task", "/api/v1/rate_limits/me"
HOUR = 3600


class Program:
    """A person's script, with a token of theirs; it speaks to the site as curl does."""

    def __init__(self, site: Site, who: Person) -> None:
        self.port = site.port
        self.token = token_of(site.app, who.username)

    def ask(self, method: str, path: str) -> tuple[HTTPResponse, Any]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, headers=bearing(self.token))
            answer = connection.getresponse()
            return answer, json.loads(answer.read())
        finally:
            connection.close()

    def start(self, times: int) -> list[int]:
        return [self.ask("POST", f"{TASK}?message=By+program")[0].status for _ in range(times)]

    def refused(self) -> Any:
        """What a start that is too many is told."""
        answer, told = self.ask("POST", f"{TASK}?message=Too+many")
        assert answer.status == 429
        assert told["detail"] == "Rate limit exceeded."
        assert told["retry_after"] == int(answer.headers["Retry-After"])
        assert abs(told["retry_after"] - (HOUR - time.time() % HOUR)) < 5
        assert answer.headers["X-RateLimit-Remaining"] == "0"
        return told

    def meter(self) -> tuple[int, int]:
        (only,) = self.ask("GET", MINE)[1]["data"]
        return only["used"], only["limit"]


def fresh_hour() -> None:
    """No hour ends in the middle of a walk."""
    left = HOUR - time.time() % HOUR
    if left < 40:
        time.sleep(left)


def make_tier(page: Page, name: str, limit: int) -> None:
    page.goto("/tiers")
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Add tier").click()
    offered = page.get_by_label("Route").locator("option")
    expect(offered).to_have_count(1)
    expect(offered).to_contain_text(f"POST {TASK}")
    page.get_by_label("Requests").fill(str(limit))
    page.get_by_label("Unit of time").select_option("hours")
    page.get_by_role("button", name="Add limit").click()
    row = page.get_by_role("row").filter(has_text=TASK)
    expect(row).to_contain_text("1 request per hour" if limit == 1 else f"{limit} requests per")


def move(page: Page, who: Person, tier: str) -> None:
    page.goto(f"/users/{who.username}")
    page.get_by_role("combobox", name="Tier").select_option(tier)
    page.get_by_role("button", name="Change tier").click()
    expect(page.locator("#toasts")).to_contain_text(who.name)


def start(page: Page, name: str) -> None:
    page.goto("/tasks")
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Start task").click()


def check_faces(page: Page, operator: Page, who: Person, program: Program, used: str) -> None:
    """The person, the operator and the program read the same: "1 of 10 used"."""
    page.goto("/quotas")
    operator.goto(f"/users/{who.username}")
    for shown in (page.locator("#quotas"), operator.locator("#quota-panel")):
        expect(shown).to_contain_text(used)
        expect(shown).to_contain_text(f"POST {TASK}")
    assert "{} of {} used".format(*program.meter()) == used


def test_two_people_walk_from_one_an_hour_to_ten(site: Site, come_in: ComeIn) -> None:
    fresh_hour()
    free, pro = "free-walk", "pro-walk"
    operator = come_in(site.newcomer("Hannah Lindqvist", operator=True))
    make_tier(operator, free, 1)
    make_tier(operator, pro, 10)
    priya, noor = site.newcomer("Priya Raman"), site.newcomer("Noor Haddad")
    move(operator, priya, free)
    move(operator, noor, pro)
    page, program = come_in(priya), Program(site, priya)

    assert program.start(1) == [201]
    start(page, "One too many")
    expect(page.locator("#notice")).to_contain_text("You can start another task at")
    expect(page.locator("#notice")).to_contain_text("allows 1 request per hour, and it is used")
    expect(page.get_by_label("Name")).to_have_value("One too many")
    assert (program.refused()["limit"], program.refused()["period"]) == (1, HOUR)
    check_faces(page, operator, priya, program, "1 of 1 used")

    move(operator, priya, pro)
    check_faces(page, operator, priya, program, "1 of 10 used")
    start(page, "The second of ten")
    expect(page.get_by_role("heading", name="The second of ten")).to_be_visible()
    assert program.start(8) == [201] * 8
    assert program.refused()["limit"] == 10
    check_faces(page, operator, priya, program, "10 of 10 used")
    assert Program(site, noor).start(11) == [201] * 10 + [429]


def test_the_refusal_keeps_what_was_typed_without_script(site: Site, come_in: ComeIn) -> None:
    fresh_hour()
    who = site.newcomer("Noor Haddad", tier=site.tier(starts=1))
    page, program = come_in(who, java_script_enabled=False), Program(site, who)
    assert program.start(1) == [201]

    start(page, "One too many")

    expect(
        page.get_by_role("heading", name=re.compile("You can start another task at"))
    ).to_be_visible()
    expect(page.get_by_text(TASK, exact=True)).to_be_visible()
    site.change(who.username, tier_id=site.stored(site.newcomer().username).tier_id)
    page.get_by_role("button", name="Try again").click()  # what was typed is in it
    expect(page.get_by_role("heading", name="One too many")).to_be_visible()
    assert program.meter()[1] == 10
