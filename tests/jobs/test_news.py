"""A person whose task ended is told so on whatever page they are, once in each browser."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import event, select, update

from app.auth.models import Session
from app.database import now
from app.extensions import db
from app.jobs.bulk import RETRY, keep
from app.jobs.models import Job
from app.tasks import Running, TaskFailed
from app.users.models import User
from tests.jobs.conftest import Declare
from tests.jobs.deeds import change, claim, start, work_off
from tests.people import Browser
from tests.statements import statements

PAGES = ("/", "/profile", "/tasks", "/security")
TOAST = re.compile(r'<div class="toast2"[^>]*><p>(.*?)</p>', re.S)


def said(browser: Browser, path: str = "/profile") -> list[str]:
    """The toasts on that page."""
    answer = browser.get(path)
    assert answer.status_code == 200
    return TOAST.findall(answer.text.split('<template id="failure">')[0])


def polled(browser: Browser, query: str = "") -> list[str]:
    return TOAST.findall(browser.htmx_get(f"/tasks/news{query}").text)


def told_at(app: Flask, username: str) -> list[datetime | None]:
    """What each browser of the person keeps, the oldest first."""
    with app.app_context():
        theirs = select(Session.told_at).join(User).where(User.username == username)
        return list(db.session.scalars(theirs.order_by(Session.id)))


def ended(app: Flask, status: str = "succeeded", **values: object) -> str:
    """A task of Bob that ended just now."""
    asked = {name: values.pop(name) for name in ("username", "called") if name in values}
    identifier = start(app, "demonstration", **asked)  # type: ignore[arg-type]
    change(app, identifier, status=status, finished_at=now(), **values)
    return identifier


def is_open(html: str) -> bool:
    """Whether the fragment in the menu asks again."""
    found = re.search(r'<span id="news"[^>]*>', html)
    assert found, html
    return "hx-get" in found.group()


@pytest.mark.parametrize("path", PAGES)
def test_the_next_page_tells_it_with_a_link_and_only_that_one(
    app: Flask, bob: Browser, path: str
) -> None:
    identifier = start(app, "demonstration", pause=0)
    work_off(app)

    page = bob.get(path).text

    assert TOAST.findall(page) == ["Demonstration is done", ""]  # the last is app.js's own
    assert f'<a class="undo" href="/tasks/{identifier}">View task</a>' in page
    assert [said(bob, path) for path in PAGES] == [[]] * len(PAGES)


def test_while_tasks_are_open_every_page_asks_and_the_answer_tells_it(
    app: Flask, bob: Browser
) -> None:
    assert not is_open(bob.get("/profile").text)
    start(app, "demonstration", called="For <b>the</b> board", pause=0)
    assert is_open(bob.get("/profile").text)
    waiting = bob.htmx_get("/tasks/news")
    assert is_open(waiting.text)
    assert '1<span class="visually-hidden"> waiting or running</span>' in waiting.text
    work_off(app)

    answer = bob.htmx_get("/tasks/news")

    assert TOAST.findall(answer.text) == ["For &lt;b&gt;the&lt;/b&gt; board is done"]
    assert '<hx-partial hx-target="#toasts" hx-swap="beforeend">' in answer.text
    assert not is_open(answer.text)
    assert "autofocus" not in answer.text
    assert "<html" not in answer.text
    assert polled(bob) == []


def test_a_failure_says_why_and_never_more_than_the_person_may_know(
    app: Flask, bob: Browser, declare: Declare
) -> None:
    def refuses(job: Running) -> None:
        raise TaskFailed("Nothing <i>happened</i> in that month.")

    def breaks(job: Running) -> None:
        raise RuntimeError("the inner reason")

    start(app, declare(refuses))
    start(app, declare(breaks, attempts=1))
    work_off(app)

    first, second = said(bob)
    assert first == "Refuses failed: Nothing &lt;i&gt;happened&lt;/i&gt; in that month."
    assert second.startswith("Breaks failed: The task stopped unexpectedly.")


@pytest.mark.parametrize("status", ["failed", "dead"])
def test_a_long_reason_is_cut(app: Flask, bob: Browser, status: str) -> None:
    ended(app, status, error="x" * 500)

    (text,) = said(bob)
    assert text == f"Demonstration failed: {'x' * 199}…"


class TestCancelled:
    def test_what_somebody_else_stopped_is_told(
        self, app: Flask, alice: Browser, bob: Browser
    ) -> None:
        alice.post(f"/tasks/{start(app, 'demonstration')}/cancel")

        assert said(bob) == ["Demonstration was cancelled"]
        assert said(alice) == []

    def test_what_they_stopped_themselves_is_not(
        self, app: Flask, alice: Browser, bob: Browser
    ) -> None:
        identifier = start(app, "demonstration")
        bob.post(f"/tasks/{identifier}/cancel")
        assert said(bob) == []
        assert told_at(app, "bob") == [None]
        bob.htmx_post(f"/tasks/{identifier}/retry")
        alice.post(f"/tasks/{identifier}/cancel")
        assert said(bob) == ["Demonstration was cancelled"]


def test_many_ends_are_one_sentence(app: Flask, bob: Browser) -> None:
    for _ in range(3):
        ended(app)
    assert len(said(bob)) == 3
    for _ in range(7):
        ended(app)

    page = bob.get("/profile").text

    assert TOAST.findall(page)[:-1] == ["7 tasks have ended"]
    assert '<a class="undo" href="/tasks">View tasks</a>' in page
    assert said(bob) == []


def test_ends_are_told_in_the_order_they_came(app: Flask, bob: Browser) -> None:
    for name in ("first", "second", "third"):
        ended(app, called=name)

    assert said(bob) == ["first is done", "second is done", "third is done"]


class TestOnce:
    def test_each_browser_is_told_and_none_of_what_was_before_it_signed_in(
        self, app: Flask, bob: Browser
    ) -> None:
        ended(app, called="before")
        assert said(bob) == ["before is done"]
        phone = Browser(app, "bob")
        ended(app, called="after")

        assert said(bob) == said(phone) == ["after is done"]
        assert said(bob) == said(phone) == []
        assert all(told_at(app, "bob"))

    @pytest.mark.server_only  # SQLite has one writer: the second waits until the first is done
    def test_of_two_tabs_that_ask_at_once_one_tells(self, app: Flask, bob: Browser) -> None:
        """The other is asked between the first one's look and its note."""
        ended(app)
        heard: list[list[str]] = []
        others: list[str] = []

        def look(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
            if statement.startswith("UPDATE sessions SET told_at") and not others:
                others.append("asked")
                with ThreadPoolExecutor(1) as pool:
                    heard.append(pool.submit(said, bob).result())

        with app.app_context():
            engine_of_app = db.engine
        event.listen(engine_of_app, "before_cursor_execute", look)
        heard.append(said(bob))
        event.remove(engine_of_app, "before_cursor_execute", look)

        assert heard == [["Demonstration is done"], []]

    def test_a_page_that_is_not_looked_at_tells_nothing(self, app: Flask, bob: Browser) -> None:
        ended(app)

        bob.client.head("/profile")
        bob.client.head("/tasks/news")
        refused = bob.post("/tasks", {"task": "nothing"})

        assert refused.status_code == 422
        assert "is done" not in refused.text
        assert told_at(app, "bob") == [None]
        assert said(bob) == ["Demonstration is done"]

    def test_looking_notes_nothing_when_there_is_no_news(self, app: Flask, bob: Browser) -> None:
        start(app, "demonstration")

        assert said(bob) == polled(bob) == []
        assert told_at(app, "bob") == [None]


class TestOnItsOwnPage:
    def test_an_end_that_was_seen_is_told_nowhere_else(self, app: Flask, bob: Browser) -> None:
        identifier = ended(app)

        assert said(bob, f"/tasks/{identifier}") == []
        assert said(bob) == []

    @pytest.mark.parametrize("asks", ["/tasks/{}", "/tasks/{}?said=Queued", "/tasks/news?here={}"])
    def test_nor_when_the_page_followed_it_but_the_others_are(
        self, app: Flask, bob: Browser, asks: str
    ) -> None:
        ended(app, called="the other")
        identifier = ended(app)
        ended(app, called="and another")

        answer = bob.htmx_get(asks.format(identifier))

        assert TOAST.findall(answer.text) == ["the other is done", "and another is done"]
        assert said(bob) == []

    def test_what_asks_from_there_says_where_it_is(self, app: Flask, bob: Browser) -> None:
        identifier = start(app, "demonstration")

        assert f'hx-get="/tasks/news?here={identifier}"' in bob.get(f"/tasks/{identifier}").text

    def test_while_it_still_runs_its_page_tells_no_others_by_itself(
        self, app: Flask, bob: Browser
    ) -> None:
        ended(app, called="the other")
        identifier = start(app, "demonstration")

        assert TOAST.findall(bob.htmx_get(f"/tasks/{identifier}").text) == []
        assert polled(bob, f"?here={identifier}") == ["the other is done"]


class TestWho:
    def test_nobody_is_told_of_what_others_started(
        self, app: Flask, alice: Browser, bob: Browser, carol: Browser
    ) -> None:
        identifier = ended(app)

        assert said(alice) == said(carol) == []
        assert polled(carol, f"?here={identifier}") == []
        assert said(alice, f"/tasks/{identifier}") == []
        assert said(bob) == ["Demonstration is done"]

    def test_who_is_no_operator_any_more_hears_nothing_of_their_work(self, app: Flask) -> None:
        identifier = start(app, "export_users", "alice")
        with app.app_context():
            db.session.scalars(User.by_username("alice")).unique().one().is_superuser = False
            db.session.commit()
        alice = Browser(app, "alice")
        change(app, identifier, status="succeeded", finished_at=now() + timedelta(seconds=1))

        assert said(alice) == []

    def test_strangers_are_asked_to_sign_in(self, app: Flask, stranger: Browser) -> None:
        assert stranger.get("/tasks/news").location == "/sign-in?next=/tasks/news"
        assert stranger.htmx_get("/tasks/news").headers["HX-Redirect"] == "/sign-in"

    def test_an_ended_session_is_led_to_sign_in(self, app: Flask, bob: Browser) -> None:
        identifier = ended(app)
        with app.app_context():
            db.session.execute(update(Session).values(ends_at=now()))
            db.session.commit()

        answer = bob.htmx_get(f"/tasks/news?here={identifier}")

        assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/sign-in")
        assert told_at(app, "bob") == [None]

    @pytest.mark.parametrize("here", ["nothing", "0" * 6000, "%27%20OR%201=1", ""])
    def test_any_page_may_be_named(self, app: Flask, bob: Browser, here: str) -> None:
        ended(app)

        assert polled(bob, f"?here={here}") == ["Demonstration is done"]


class TestCost:
    def test_a_page_asks_once_and_an_answer_twice(self, app: Flask, bob: Browser) -> None:
        ended(app)
        start(app, "demonstration")
        with statements(app) as telling:
            bob.htmx_get("/tasks/news")
        with statements(app) as quiet:
            bob.htmx_get("/tasks/news")
        with statements(app) as page:
            bob.get("/profile")

        changes = [each for each in telling if each.startswith("UPDATE")]
        assert [each.partition("=")[0] for each in changes] == ["UPDATE sessions SET told_at"]
        assert [each.split()[0] for each in quiet] == ["SELECT", "SELECT"], quiet
        assert len([each for each in page if "jobs" in each]) == 1

    def test_strangers_and_programs_ask_nothing(self, app: Flask, stranger: Browser) -> None:
        with statements(app) as sent:
            stranger.get("/sign-in")
            stranger.get("/nothing/here")
            app.test_client().get("/api/v1/user/me/")

        assert [each for each in sent if "jobs" in each] == []

    def test_asking_spends_no_quota(self, app: Flask, bob: Browser) -> None:
        for _ in range(12):
            assert bob.htmx_get("/tasks/news").status_code == 200

        assert bob.post("/tasks", {"task": "demonstration"}).status_code == 303

    # Over a few rows PostgreSQL reads the table, whatever index there is.
    @pytest.mark.parametrize("mode", ["embedded"], indirect=True)
    def test_it_reads_no_more_than_the_tasks_of_the_person(self, app: Flask) -> None:
        from app.jobs.news import of_person

        with app.app_context():
            bob = db.session.scalars(User.by_username("bob")).unique().one()
            asked = of_person(bob, now(), "here").compile(
                db.engine, compile_kwargs={"literal_binds": True}
            )
            plan = db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}").all()

        steps = [row[-1] for row in plan if "jobs" in row[-1] or "job_log" in row[-1]]
        assert len(steps) == 3, plan
        assert all(step.startswith("SEARCH") for step in steps), plan


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_a_busy_database_keeps_no_page_waiting(
    app: Flask, bob: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite a task may hold the one lock for long: then the next page tells it."""
    ended(app)
    with app.app_context():
        db.session.execute(update(Job).values(priority=1))
        before = now()
        assert said(bob) == []
        assert now() - before < timedelta(seconds=3)
        db.session.rollback()

    assert said(bob) == ["Demonstration is done"]


def test_a_retried_task_tells_its_end_again(app: Flask, bob: Browser) -> None:
    identifier = ended(app, "failed", error="No.")
    assert said(bob) == ["Demonstration failed: No."]
    with app.app_context():
        keep(RETRY, [identifier], "bob")
    claim(app, identifier)
    assert said(bob) == []
    change(app, identifier, status="succeeded", finished_at=now())

    assert said(bob) == ["Demonstration is done"]
