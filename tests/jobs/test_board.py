"""Alice sees what waits, runs and failed, finds jobs, and does something about one."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app import search
from app.database import now
from app.jobs.chart import Chart
from app.tasks import Running
from tests.audit.kept import only
from tests.jobs.conftest import Declare
from tests.jobs.deeds import change, lines, look, start, waiting
from tests.jobs.ended import at_work, crowd, job
from tests.people import Browser


def facts(html: str) -> dict[str, tuple[str, str]]:
    """The figures at the top, by name."""
    found = re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)<small>([^<]+)</small>", html)
    return {name: (value, more) for name, value, more in found}


def test_the_figures_say_how_it_goes(app: Flask, alice: Browser) -> None:
    at_work(app)
    for _ in range(3):
        job(app, "succeeded")
    job(app, "failed")
    job(app, "dead")
    job(app, "cancelled")
    job(app, "running", worker="w1", finished_at=None)
    job(app, "queued", run_at=now() - timedelta(seconds=75))
    job(app, "queued", run_at=now() + timedelta(hours=1))

    html = alice.get("/jobs").text

    shown = facts(html)
    assert shown["Workers"] == ("1 online", "4 slots, 1 busy")
    assert shown["Oldest waiting"][0].startswith("1 min 1")
    assert shown["Oldest waiting"][1] == "2 queued"
    assert shown["Typical wait"] == ("1 s", "95 in 100 under 1 s")
    assert shown["Failed today"] == ("2", "of 5 finished")
    assert "No worker is running" not in html
    assert "engine-room · 4711" in html
    assert "1 of 4 threads busy" in html


def test_with_nothing_in_it_the_board_says_so(app: Flask, alice: Browser) -> None:
    html = alice.get("/jobs").text

    assert facts(html)["Oldest waiting"] == ("None", "0 queued")
    assert facts(html)["Typical wait"] == ("–", "Nothing ended lately")
    assert 'aria-label="No job finished in the last 2 hours"' in html
    assert "No jobs yet" in html
    assert "No worker is running" in html
    assert "./dev flask worker" in html
    assert "flask --app wsgi worker" in html


def test_the_chart_counts_in_the_database(app: Flask, alice: Browser) -> None:
    job(app, "succeeded")
    job(app, "failed", finished_at=now() - timedelta(minutes=40))
    job(app, "succeeded", finished_at=now() - timedelta(hours=3))

    html = alice.get("/jobs").text

    assert len(re.findall(r"<rect x=", html)) == 1
    assert len(re.findall(r'<rect class="fail"', html)) == 1
    assert "Between 0 and 1 jobs finished in each 5 minutes; 1 failure between" in html


@pytest.mark.parametrize(
    ("done", "failed", "blocks", "said"),
    [
        ([5] * 24, [0] * 24, 0, "5 jobs finished in each 5 minutes; none failed"),
        ([5] * 24, [0] * 23 + [3], 3, "Between 5 and 8 jobs"),
        ([0] * 24, [0] * 23 + [900], 1, "Between 0 and 900 jobs"),
    ],
)
def test_the_chart_fits_whatever_failed(
    app: Flask, done: list[int], failed: list[int], blocks: int, said: str
) -> None:
    with app.test_request_context():
        chart = Chart(now(), done, failed)
        shapes = list(chart.shapes)

        assert said in chart.sentence
    assert sum(shape.is_failure for shape in shapes) == blocks
    assert all(shape.y >= 0 and shape.height > 0 for shape in shapes)
    assert all(shape.y + shape.height <= 48.01 for shape in shapes)


def views(html: str) -> dict[str, str]:
    return dict(re.findall(r'id="view-\w+"[^>]*>(\w+) <span class="n">([\d,]+)', html))


def test_each_view_counts_and_shows_its_own(app: Flask, alice: Browser) -> None:
    for status in ("queued", "running", "failed", "dead", "succeeded", "cancelled"):
        job(app, status, called=f"The {status} one", message="12 of 20 numbers")

    for state in ("queued", "running", "failed", "dead", "succeeded", "cancelled"):
        html = alice.get(f"/jobs?state={state}").text
        assert views(html) == {
            **{"All": "6", "Queued": "1", "Running": "1", "Failed": "1"},
            **{"Dead": "1", "Succeeded": "1", "Cancelled": "1"},
        }
        assert re.findall(r"The (\w+) one</a>", html) == [state]
    assert len(re.findall(r"The (\w+) one</a>", alice.get("/jobs").text)) == 6
    failed = alice.get("/jobs?state=failed").text
    assert "Mail server refused the connection" in failed
    assert "3 of 3" in failed
    assert "1 failed job. Results are kept for 7 days." in failed
    assert "12 of 20 numbers" in alice.get("/jobs?state=running").text


def test_search_finds_by_name_kind_id_and_person(app: Flask, alice: Browser) -> None:
    wanted = job(app, "failed", "carol", "Monthly report 100%")
    other = job(app, "failed", "bob")

    for q in ("monthly", "100%", wanted[:8], wanted.upper()[:6], "carol", "Cooper", "MONTH carol"):
        html = alice.get("/jobs", query_string={"q": q}).text
        assert (wanted in html, other in html) == (True, False), q
    html = alice.get("/jobs?q=demonstr&task=demonstration").text
    assert wanted in html
    assert other in html
    assert other not in alice.get("/jobs?task=export_users").text
    nothing = alice.get("/jobs?q=zzyzx").text
    assert "No jobs match “zzyzx”" in nothing
    assert "Clear search" in nothing


def test_of_very_many_jobs_the_newest_are_searched_and_it_is_said(
    app: Flask, alice: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = job(app, "failed", "carol", "Monthly report", created_at=now() - timedelta(days=1))
    new = job(app, "failed", "carol", "Monthly report")
    assert "are searched" not in alice.get("/jobs?q=monthly").text

    monkeypatch.setattr(search, "NEWEST", 1)
    html = alice.get("/jobs?q=monthly").text

    assert "The 1 newest jobs are searched." in html
    assert (new in html, old in html) == (True, False)
    assert "are searched" not in alice.get("/jobs").text


def test_htmx_gets_the_list_with_the_views_and_hears_how_many(app: Flask, alice: Browser) -> None:
    job(app, "failed")

    answer = alice.htmx_get("/jobs?state=failed&q=bob")

    assert json.loads(answer.headers["HX-Trigger"]) == {"announce": "1 job found"}
    assert "<html" not in answer.text
    assert 'id="job-results"' in answer.text
    assert '<hx-partial id="job-views"' in answer.text
    assert "autofocus" not in answer.text
    assert 'id="live"' not in answer.text, "the figures stay as they are"


def test_a_list_is_sorted_and_in_pages(app: Flask, alice: Browser) -> None:
    crowd(app, 30, attempts=99)
    change(app, f"{7:032x}", attempt=1, finished_at=now() - timedelta(hours=1))

    by_time = alice.get("/jobs?state=failed&page=2").text
    by_tries = alice.get("/jobs?state=failed&sort=tries").text

    assert "26–30 of 30 failed jobs" in by_time
    assert f"job-{7:032x}" in by_time, "the oldest comes last"
    assert re.findall(r'<tr role="row" id="job-(\w+)"', by_tries)[0] == f"{7:032x}"
    assert 'aria-sort="ascending"' in by_tries
    assert "state=failed&amp;sort=tries&amp;page=2" in by_tries
    assert alice.get("/jobs?state=odd&sort=odd&page=odd&refresh=odd").status_code == 200


def test_the_figures_come_anew_with_the_pace_of_the_address(app: Flask, alice: Browser) -> None:
    job(app, "failed")
    page = alice.get("/jobs?state=failed&refresh=30").text
    assert 'hx-trigger="every 30s"' in page
    assert '<option value="30" selected>' in page
    assert "state=queued&amp;refresh=30" in page, "links keep the pace"

    since = {"state": "failed", "failed": "0", "drawn": str(now().timestamp() - 60)}
    answer = alice.htmx_get("/jobs/summary", query_string={**since, "refresh": "30"})

    assert json.loads(answer.headers["HX-Trigger"]) == {"announce": "1 more job failed"}
    assert answer.text.lstrip().startswith('<span class="live" id="live"')
    assert 'hx-trigger="every 30s"' in answer.text
    assert "1 new. <a" in answer.text
    assert 'id="job-results"' not in answer.text, "nothing is taken from under the reader"
    assert "autofocus" not in answer.text
    calm = alice.htmx_get("/jobs/summary?state=failed&failed=1&refresh=off&drawn=odd")
    assert "HX-Trigger" not in calm.headers
    assert "hx-trigger" not in calm.text
    assert " new. <a" not in calm.text
    assert alice.get("/jobs/summary?state=failed").location == "/jobs?state=failed"


def test_another_pace_is_taken_up_at_once(app: Flask, alice: Browser) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://localhost/jobs?q=x"}

    same = alice.get("/jobs?refresh=5", headers=headers)
    slower = alice.get("/jobs?refresh=off", headers=headers)

    assert 'id="live"' not in same.text
    assert '<hx-partial id="live"' in slower.text
    assert "every" not in slower.text


def test_the_menu_counts_what_failed_within_a_day_for_operators(
    app: Flask, alice: Browser, bob: Browser
) -> None:
    assert 'class="count"' not in alice.get("/").text
    job(app, "failed")
    job(app, "dead")
    job(app, "failed", finished_at=now() - timedelta(hours=25))

    assert 'class="count">2<span class="visually-hidden"> failed' in alice.get("/").text
    assert 'class="count"' not in bob.get("/").text
    crowd(app, 120)
    assert 'class="count">99+<' in alice.get("/").text


def test_one_is_retried_in_its_row(app: Flask, alice: Browser) -> None:
    identifier = job(app, "failed")

    answer = alice.htmx_post(f"/jobs/{identifier}/retry?state=failed")

    assert (look(app, identifier).status, waiting(app)) == ("queued", 1)
    assert look(app, identifier).sent_at is not None
    assert lines(app, identifier)[-1] == "Queued again by alice"
    assert answer.text.count("autofocus") == 1
    assert "Demonstration queued again" in answer.text
    assert 'class="tag">Queued' in answer.text
    assert "<html" not in answer.text
    assert (only(app).action, only(app).detail) == (
        "jobs.retried",
        f"Demonstration, {identifier[:6]}",
    )


def test_one_is_discarded_and_can_still_be_retried(app: Flask, alice: Browser) -> None:
    identifier = job(app, "failed")

    answer = alice.post(f"/jobs/{identifier}/discard?state=failed&q=bob&refresh=30")

    assert (answer.status_code, answer.location) == (
        303,
        "/jobs?q=bob&state=failed&refresh=30",
    )
    stored = look(app, identifier)
    assert (stored.status, stored.error) == ("cancelled", "Mail server refused the connection")
    assert lines(app, identifier)[-1] == "Discarded by alice"
    assert "Demonstration discarded" in alice.get(answer.location).text
    alice.post(f"/jobs/{identifier}/retry?state=cancelled")
    assert look(app, identifier).status == "queued"


def test_one_that_waits_is_cancelled(app: Flask, alice: Browser) -> None:
    identifier = start(app, "demonstration")

    answer = alice.htmx_post(f"/jobs/{identifier}/cancel?state=queued")

    assert look(app, identifier).status == "cancelled"
    assert "Demonstration asked to stop" in answer.text
    assert only(app).action == "jobs.cancelled"


def test_what_has_changed_meanwhile_is_left_alone(app: Flask, alice: Browser) -> None:
    identifier = job(app, "succeeded")

    for deed in ("retry", "discard", "cancel"):
        answer = alice.htmx_post(f"/jobs/{identifier}/{deed}?state=failed")
        assert "Demonstration had changed: nothing was done" in answer.text

    assert look(app, identifier).status == "succeeded"
    assert lines(app, identifier) == ["Queued by bob"]


def test_operators_only_pass_and_what_is_gone_is_missing(
    app: Flask, alice: Browser, bob: Browser, stranger: Browser
) -> None:
    identifier = job(app, "failed", "bob")

    assert alice.post("/jobs/nothing/retry").status_code == 404
    for path in ("/jobs", "/jobs/summary", "/jobs/all?deed=retry&state=failed"):
        assert bob.get(path).status_code == 403
        assert stranger.get(path).location.startswith("/sign-in")
    for path in (f"/jobs/{identifier}/retry", "/jobs/selection", "/jobs/all?state=failed"):
        sent = {"id": identifier, "deed": "retry"}
        assert bob.post(path, sent).status_code == 403
        assert alice.client.post(path, data=sent).status_code == 400
    assert look(app, identifier).status == "failed"
    assert '"/jobs"' not in bob.get("/").text


def test_names_that_mean_harm_are_only_shown(app: Flask, alice: Browser) -> None:
    job(app, "failed", called="<script>alert(1)</script>", error="<b>'\"")

    html = alice.get("/jobs?state=failed&q=<script>").text

    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_scheduled_work_is_run_now(app: Flask, alice: Browser, declare: Declare) -> None:
    def nightly(_job: Running) -> None: ...

    def by_hand(_job: Running) -> None: ...

    declare(nightly, schedule="30 3 * * *")
    declare(by_hand)
    html = alice.get("/jobs").text
    assert "At 03:30 every day, UTC" in html
    assert "Keep usage" in html
    assert "Every 5 minutes" in html

    answer = alice.post("/jobs/schedules/nightly/run")

    asked: Any = look(app, answer.location.rpartition("/")[2])
    assert (asked.task, asked.status, waiting(app)) == ("nightly", "queued", 1)
    assert (only(app).action, only(app).detail) == ("schedule.run", "Nightly")
    assert alice.post("/jobs/schedules/by_hand/run").status_code == 404
    assert alice.post("/jobs/schedules/nothing/run").status_code == 404
