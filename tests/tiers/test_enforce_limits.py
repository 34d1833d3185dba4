"""Starting a task is limited by the tier of whoever starts it, exactly."""

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.extensions import db
from app.jobs.models import Job
from app.users.models import User
from tests.people import Browser
from tests.tiers.conftest import Clock
from tests.tiers.screen import set_limit

DEMONSTRATION = {"task": "demonstration"}


def started(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count(Job.id))) or 0


def statuses(browser: Browser, times: int) -> list[int]:
    return [browser.post("/tasks", DEMONSTRATION).status_code for _ in range(times)]


def move(app: Flask, username: str, tier: str | None) -> None:
    """Move a person as another process would: through the database alone."""
    from app.tiers.models import Tier

    with app.app_context():
        user = db.session.scalars(User.by_username(username)).unique().one()
        user.tier = db.session.scalars(Tier.by_name(tier)).one() if tier else None
        db.session.commit()


def test_the_second_start_of_a_free_person_is_refused(
    app: Flask, clock: Clock, bob: Browser
) -> None:
    assert statuses(bob, 2) == [303, 429]
    assert started(app) == 1


def test_a_person_on_pro_starts_ten(app: Flask, clock: Clock, carol: Browser) -> None:
    assert statuses(carol, 12) == [303] * 10 + [429] * 2
    assert started(app) == 10


def test_people_on_one_tier_do_not_share_a_count(
    clock: Clock, bob: Browser, mallory: Browser
) -> None:
    assert statuses(bob, 2) == [303, 429]
    assert statuses(mallory, 2) == [303, 429]


def test_another_browser_of_the_same_person_buys_nothing(
    app: Flask, clock: Clock, bob: Browser
) -> None:
    assert statuses(bob, 1) == [303]
    assert statuses(Browser(app, "bob"), 1) == [429]


def test_after_a_move_to_pro_ten_pass_and_what_was_used_counts(
    app: Flask, clock: Clock, alice: Browser, bob: Browser
) -> None:
    assert statuses(bob, 4) == [303, 429, 429, 429]

    alice.post("/users/bob/tier", {"tier": "pro"})

    # One start was used before; the three refused ones cost nothing
    assert statuses(bob, 11) == [303] * 9 + [429] * 2
    assert started(app) == 10


def test_after_a_move_to_free_the_next_start_is_refused(
    app: Flask, clock: Clock, carol: Browser
) -> None:
    assert statuses(carol, 5) == [303] * 5
    move(app, "carol", "free")
    assert statuses(carol, 1) == [429]


def test_a_changed_limit_counts_from_the_next_request(
    app: Flask, clock: Clock, bob: Browser
) -> None:
    assert statuses(bob, 2) == [303, 429]
    set_limit(app, "free", 3, 3600)
    assert statuses(bob, 3) == [303, 303, 429]
    set_limit(app, "free", 2, 3600)
    assert statuses(bob, 1) == [429]


def test_a_changed_period_counts_anew(app: Flask, clock: Clock, bob: Browser) -> None:
    assert statuses(bob, 2) == [303, 429]
    set_limit(app, "free", 1, 600)
    assert statuses(bob, 2) == [303, 429]


def test_the_count_returns_to_zero_on_the_hour(clock: Clock, bob: Browser) -> None:
    assert statuses(bob, 2) == [303, 429]
    clock.moment += 599.9
    assert statuses(bob, 1) == [429]
    clock.moment += 0.1
    assert statuses(bob, 2) == [303, 429]


@pytest.mark.parametrize(
    "path", ["/tasks?x=1", "/tasks#x", "/%74asks", "/tasks?%00", "//tasks", "/TASKS", "/tasks/"]
)
def test_spelling_the_address_differently_buys_nothing(
    app: Flask, clock: Clock, bob: Browser, path: str
) -> None:
    assert statuses(bob, 1) == [303]
    bob.post(path, DEMONSTRATION)
    assert started(app) == 1


def test_a_refused_form_is_a_call_too(app: Flask, clock: Clock, carol: Browser) -> None:
    set_limit(app, "pro", 2, 3600)

    assert carol.post("/tasks", {"task": "nonsense"}).status_code == 422
    assert statuses(carol, 2) == [303, 429]


def test_without_a_token_nothing_is_counted(app: Flask, clock: Clock, bob: Browser) -> None:
    assert bob.client.post("/tasks", data=DEMONSTRATION).status_code == 400
    assert statuses(bob, 1) == [303]


def test_looking_at_things_costs_nothing(app: Flask, clock: Clock, bob: Browser) -> None:
    for path in ("/", "/quotas", "/tasks", "/compare", "/quotas"):
        assert bob.get(path).status_code == 200
        assert bob.htmx_get(path).status_code == 200

    assert statuses(bob, 2) == [303, 429]


class TestStrangers:
    """Whoever is not signed in counts by address, and starts nothing."""

    def test_a_stranger_is_sent_to_sign_in_until_the_address_has_used_the_default(
        self, app: Flask, clock: Clock, stranger: Browser
    ) -> None:
        assert statuses(stranger, 12) == [303] * 10 + [429] * 2
        assert started(app) == 0

    def test_a_header_is_not_an_address(self, app: Flask, clock: Clock, stranger: Browser) -> None:
        statuses(stranger, 10)

        for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded"):
            answer = stranger.post("/tasks", DEMONSTRATION, headers={name: "198.51.100.7"})
            assert answer.status_code == 429

    def test_another_address_has_a_count_of_its_own(
        self, app: Flask, clock: Clock, stranger: Browser
    ) -> None:
        statuses(stranger, 11)

        elsewhere = {"REMOTE_ADDR": "198.51.100.7"}
        answer = stranger.post("/tasks", DEMONSTRATION, environ_overrides=elsewhere)
        assert answer.status_code == 303
        assert answer.location == "/sign-in"

    def test_a_stranger_does_not_use_up_what_people_at_that_address_have(
        self, clock: Clock, stranger: Browser, bob: Browser
    ) -> None:
        statuses(stranger, 12)
        assert statuses(bob, 1) == [303]


class TestHeaders:
    """Programs read how much is left from every answer of a limited route."""

    def test_an_answer_says_what_is_left(self, clock: Clock, carol: Browser) -> None:
        headers = carol.post("/tasks", DEMONSTRATION).headers

        assert headers["RateLimit-Policy"] == '"jobs.start";q=10;w=3600'
        assert headers["RateLimit"] == '"jobs.start";r=9;t=600'
        assert headers["X-RateLimit-Limit"] == "10"
        assert headers["X-RateLimit-Remaining"] == "9"
        assert headers["X-RateLimit-Reset"] == str(int(clock.moment) + 600)
        assert "Retry-After" not in headers

    def test_a_refusal_says_when(self, clock: Clock, bob: Browser) -> None:
        bob.post("/tasks", DEMONSTRATION)
        headers = bob.post("/tasks", DEMONSTRATION).headers

        assert headers["Retry-After"] == "600"
        assert headers["RateLimit"] == '"jobs.start";r=0;t=600'
        assert headers["X-RateLimit-Remaining"] == "0"

    @pytest.mark.parametrize(("passed", "seconds"), [(0.5, "600"), (599.0, "1"), (599.9, "1")])
    def test_retry_after_is_whole_never_early_and_at_least_one(
        self, clock: Clock, bob: Browser, passed: float, seconds: str
    ) -> None:
        bob.post("/tasks", DEMONSTRATION)
        clock.moment += passed

        assert bob.post("/tasks", DEMONSTRATION).headers["Retry-After"] == seconds

    def test_other_pages_say_nothing_of_it(self, bob: Browser) -> None:
        headers = bob.get("/quotas").headers

        assert not [name for name, _ in headers if "ratelimit" in name.lower()]


class TestDefault:
    """Without a rule the default of the settings applies: 10 an hour here."""

    def warnings(self, caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
        events = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
        found = [each for each in events if each["event"] == "limits.default_applies"]
        return [(each["route"], each["reason"]) for each in found]

    @pytest.mark.parametrize("reason", ["no tier", "no rule"])
    def test_it_applies_and_is_logged_once_a_window(
        self,
        app: Flask,
        clock: Clock,
        alice: Browser,
        bob: Browser,
        caplog: pytest.LogCaptureFixture,
        reason: str,
    ) -> None:
        if reason == "no tier":
            move(app, "bob", None)
        else:
            alice.post("/tiers/free/limits/1/delete")

        assert statuses(bob, 12) == [303] * 10 + [429] * 2
        assert self.warnings(caplog) == [("jobs.start", reason)]

        clock.moment += 3600
        assert statuses(bob, 2) == [303] * 2
        assert self.warnings(caplog) == [("jobs.start", reason)] * 2

    def test_a_rule_of_the_tier_needs_no_warning(
        self, clock: Clock, bob: Browser, caplog: pytest.LogCaptureFixture
    ) -> None:
        statuses(bob, 2)
        assert self.warnings(caplog) == []

    def test_a_rule_for_a_route_that_is_gone_is_ignored(
        self, app: Flask, clock: Clock, alice: Browser, bob: Browser
    ) -> None:
        alice.post("/tiers/free/limits/1/delete")
        set_limit(app, "free", 2_000_000_000, 1, route="reports.make")

        assert statuses(bob, 11) == [303] * 10 + [429]
