"""Operators look after jobs at the command line, by the same rules as on the pages."""

import json
from datetime import timedelta
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from pydantic import SecretStr

from app.config import load_settings
from app.database import now
from app.extensions import db
from app.jobs import job_commands
from app.jobs.cli import introduction
from app.jobs.models import Job, JobLog
from app.tasks import TASKS, Running, Task, Wish
from app.users.models import User
from tests.audit.kept import kept, only
from tests.jobs.conftest import Declare
from tests.jobs.deeds import change, claim, count, lines, look, start, waiting, work_off
from tests.statements import statements


def run(app: Flask, *arguments: str, typed: str | None = None) -> Result:
    return app.test_cli_runner().invoke(args=["jobs", *arguments], input=typed)


def ended(app: Flask, status: str = "failed", days: int = 0, **values: Any) -> str:
    identifier = start(app, "demonstration", values.pop("username", "bob"))
    change(app, identifier, status=status, finished_at=now() - timedelta(days=days), **values)
    app.extensions["queue"][0].storage.flush_all()
    return identifier


class TestList:
    def test_the_newest_come_first_in_a_hundred_columns(self, app: Flask) -> None:
        old = start(app, "demonstration", "bob", "A\x1b[31m name " + "x" * 100)
        change(app, old, created_at=now() - timedelta(days=1))
        new = ended(app, "dead", username="carol", attempt=3)

        result = run(app, "list")

        head, first, second = result.output.splitlines()
        assert result.exit_code == 0
        assert head.split()[:5] == ["ID", "STATUS", "TASK", "OWNER", "TRY"]
        assert first.split()[:5] == [new[:8], "dead", "demonstration", "carol", "3/3"]
        assert second.split()[:4] == [old[:8], "queued", "demonstration", "bob"]
        assert "\x1b" not in result.output
        assert max(map(len, result.output.splitlines())) == 100

    @pytest.mark.parametrize(
        ("asked", "expected"),
        [
            (("--status", "failed"), {"failed"}),
            (("--status", "failed", "--status", "queued"), {"failed", "queued", "alice's"}),
            (("--owner", "alice"), {"alice's"}),
            (("--owner", "-"), {"nobody's"}),
            (("--task", "export_users"), {"alice's"}),
            (("--task", "export_users", "--status", "dead"), set()),
        ],
    )
    def test_it_is_narrowed(self, app: Flask, asked: tuple[str, ...], expected: set[str]) -> None:
        with app.app_context():
            TASKS["demonstration"].options(name="nobody's").enqueue()
            db.session.commit()
            change(app, db.session.query(Job).one().id, status="dead", finished_at=now())
        ended(app, "failed", name="failed")
        start(app, "demonstration", called="queued")
        start(app, "export_users", "alice", "alice's")

        result = run(app, "list", *asked, "--json")

        assert {job["name"] for job in json.loads(result.output)} == expected

    def test_many_are_listed_by_one_query_and_none_say_so(self, app: Flask) -> None:
        assert run(app, "list").output == "No jobs match.\n"
        for name in ("bob", "carol", "alice"):
            start(app, "demonstration", name)
        with statements(app) as sent:
            assert len(run(app, "list", "--limit", "2").output.splitlines()) == 3

        assert len(sent) == 1

    def test_an_owner_who_is_not_there_is_said(self, app: Flask) -> None:
        result = run(app, "list", "--owner", "nobody")

        assert (result.exit_code, result.output) == (1, "Error: There is no user named 'nobody'.\n")


class TestShow:
    def test_the_beginning_of_an_id_is_enough(self, app: Flask, declare: Declare) -> None:
        def breaks(job: Running) -> None:
            raise RuntimeError("the \x1b[31minner reason")

        identifier = start(app, declare(breaks, attempts=1), called="For the board")
        work_off(app)

        for text in (identifier, identifier[:6].upper()):
            result = run(app, "show", text)
            assert result.exit_code == 0
        for part in (identifier, "Breaks (breaks)", "For the board", "bob", "Queued by bob"):
            assert part in result.output
        assert "Error       The task stopped unexpectedly." in result.output
        assert "RuntimeError: the  [31minner reason" in result.output
        assert result.output.index("Queued by bob") < result.output.index("Picked up")

    def test_of_several_the_candidates_are_named(self, app: Flask) -> None:
        with app.app_context():
            for name in ("first", "second"):
                job = Job.asked_for(TASKS["demonstration"], {}, Wish())
                job.id = f"abc{name:0<29}"
                db.session.add(job)
            db.session.commit()
        result = run(app, "show", "ab")

        assert result.exit_code == 1
        assert "More than one ID begins with 'ab'" in result.output
        assert "abcfirst" in result.output
        assert "abcsecon" in result.output

    @pytest.mark.parametrize("text", ["zzz", "%", "_"])
    def test_none_is_said(self, app: Flask, text: str) -> None:
        start(app, "demonstration")
        result = run(app, "show", text)

        assert result.exit_code == 1
        assert result.output == f"Error: There is no job whose ID begins with '{text}'.\n"

    def test_programs_get_it_as_json(self, app: Flask) -> None:
        identifier = start(app, "demonstration", pause=0)
        work_off(app)

        told = json.loads(run(app, "show", identifier[:8], "--json").output)

        assert (told["id"], told["status"], told["result"]) == (
            identifier,
            "succeeded",
            {"sum": 210},
        )
        assert told["log"][0]["text"] == "Queued by bob"
        assert told["arguments"] == {"pause": 0}


class TestRetry:
    def test_one_is_queued_again_on_record(self, app: Flask) -> None:
        identifier = ended(app)

        result = run(app, "retry", identifier[:8])

        assert (result.exit_code, result.output) == (0, "1 job queued again.\n")
        assert (look(app, identifier).status, waiting(app)) == ("queued", 1)
        assert lines(app, identifier)[-1] == "Queued again by the command line"
        entry = only(app)
        assert (entry.actor_name, entry.action) == ("System", "jobs.retried")
        assert entry.detail == f"1 job: {identifier[:8]}"
        assert count(app, User) == 4

    @pytest.mark.parametrize("typed", ["y\n", "n\n", None])
    def test_all_of_a_state_are_counted_and_asked_about(
        self, app: Flask, typed: str | None
    ) -> None:
        dead = [ended(app, "dead") for _ in range(3)]
        others = [ended(app, "failed"), ended(app, "dead", task="export_users")]
        asked = ("--all", "--status", "dead", "--task", "demonstration")

        result = run(app, "retry", *asked, *([] if typed else ["--yes"]), typed=typed)

        done = typed != "n\n"
        assert ("Retry 3 jobs? [y/N]" in result.output) == bool(typed)
        assert ("3 jobs queued again." in result.output) == done
        assert result.exit_code == (0 if done else 1)
        states = {look(app, each).status for each in dead}
        assert states == ({"queued"} if done else {"dead"})
        assert [look(app, each).status for each in others] == ["failed", "dead"]
        details = [entry.detail for entry in kept(app)]
        assert details == (["3 dead jobs of demonstration"] if done else [])

    def test_what_does_not_fit_is_refused_before_anything_is_changed(self, app: Flask) -> None:
        failed, queued = ended(app), start(app, "demonstration")
        waiting_before = waiting(app)

        result = run(app, "retry", failed, queued)

        assert result.exit_code == 1
        assert f"{queued[:8]} is queued. Only what is failed or dead or cancelled" in result.output
        assert (look(app, failed).status, waiting(app)) == ("failed", waiting_before)
        assert kept(app) == []

    @pytest.mark.parametrize(
        "asked", [(), ("--all",), ("--status", "dead"), ("abc", "--all", "--status", "dead")]
    )
    def test_it_must_be_said_which(self, app: Flask, asked: tuple[str, ...]) -> None:
        result = run(app, "retry", *asked)

        assert result.exit_code == 2
        assert "Say which jobs" in result.output

    def test_none_that_match_are_no_error(self, app: Flask) -> None:
        result = run(app, "retry", "--all", "--status", "failed")

        assert (result.exit_code, result.output, kept(app)) == (0, "No jobs match.\n", [])


class TestCancel:
    def test_what_waits_ends_and_what_runs_is_asked_to(self, app: Flask) -> None:
        waits, runs = start(app, "demonstration"), start(app, "demonstration")
        claim(app, runs)

        result = run(app, "cancel", waits, runs, "--yes")

        assert result.output == "2 jobs cancelled; what runs stops at its next report.\n"
        assert look(app, waits).status == "cancelled"
        assert (look(app, runs).status, look(app, runs).stop_asked) == ("running", True)
        assert lines(app, waits)[-1] == "Asked to stop by the command line"
        assert only(app).action == "jobs.cancelled"

    def test_all_that_wait_are_cancelled(self, app: Flask) -> None:
        waits, runs = start(app, "demonstration"), start(app, "demonstration")
        claim(app, runs)

        assert run(app, "cancel", "--all", "--status", "queued").exit_code == 0

        assert look(app, waits).status == "cancelled"
        assert look(app, runs).stop_asked is False


class TestPurge:
    def test_what_ended_long_ago_goes_with_its_log_and_file(
        self, app: Flask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(job_commands, "AT_ONCE", 2)
        old = [ended(app, status, days=31) for status in ("failed", "succeeded", "dead")]
        kept_jobs = [ended(app, days=29), start(app, "demonstration")]
        change(app, kept_jobs[1], run_at=now() - timedelta(days=40))

        result = run(app, "purge", "--older-than", "30d", typed="y\n")

        assert "Remove 3 jobs for good? [y/N]" in result.output
        assert result.output.endswith("3 jobs removed.\n")
        assert (count(app, Job), count(app, JobLog)) == (2, 2)
        assert look(app, kept_jobs[0]).id not in old
        assert (only(app).action, only(app).detail) == ("jobs.purged", "3 ended jobs")

    def test_a_state_may_be_named_and_nothing_open_ever_goes(self, app: Flask) -> None:
        ended(app, "succeeded")
        failed = ended(app, "failed")
        running = start(app, "demonstration")
        claim(app, running, finished_at=now() - timedelta(days=99))

        result = run(app, "purge", "--status", "succeeded", "--yes")

        assert result.output == "1 job removed.\n"
        assert run(app, "purge", "--older-than", "0d", "--yes").output == "1 job removed.\n"
        assert look(app, running).id
        assert count(app, Job) == 1, failed

    def test_nothing_goes_unless_it_is_meant(self, app: Flask) -> None:
        ended(app, days=99)
        asked = ("purge", "--older-than", "30d")

        assert run(app, *asked, typed="n\n").exit_code == 1
        assert run(app, *asked, typed="").exit_code == 1
        assert run(app, "purge").exit_code == 2
        for wrong in ("30", "d", "-1d", "30 days", "999999d"):
            assert run(app, "purge", "--older-than", wrong, "--yes").exit_code == 2
        assert run(app, "purge", "--status", "running").exit_code == 2
        assert (count(app, Job), kept(app)) == (1, [])


class TestWorkerTells:
    def test_what_it_runs_and_when(self, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        def nightly(job: Running) -> None: ...

        kind = Task("nightly", "Nightly", nightly, schedule="30 3 * * *", queue="mail")
        monkeypatch.setitem(TASKS, "nightly", kind)
        with app.app_context():
            told = list(introduction(app.config["SETTINGS"]))

        runs = [line for line in told if line.startswith("Runs")]
        assert "Threads    4 (WORKER_THREADS), lease 30 s, grace time 25 s" in told
        assert "demonstration" in runs[0]
        assert runs[-1].startswith("Runs       mail: ")
        assert "nightly" in runs[-1]
        assert told[-1].startswith("Schedule   nightly: 30 3 * * *, next 20")
        assert told[-1].endswith(" 03:30 UTC")

    def test_where_the_queue_is_without_its_password(self, app: Flask) -> None:
        known: Any = {"_env_file": None, "secret_key": SecretStr("k" * 40)}
        redis = "rediss://me:secret%40x@[::1]:6380/2?password=secret"
        here = load_settings(**known, redis_queue_url=redis)
        on_file = load_settings(**known, data_dir=app.config["SETTINGS"].data_dir)

        assert next(introduction(here)) == "Queue      rediss://[::1]:6380/2"
        assert next(introduction(on_file)).endswith("queue.sqlite3")
