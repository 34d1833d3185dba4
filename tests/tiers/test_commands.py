"""Operators set tiers and limits from the command line, by the rules of the pages."""

import json
from collections.abc import Callable

import pytest
from click.testing import Result
from flask import Flask

from tests.people import Browser
from tests.tiers.conftest import Clock
from tests.tiers.screen import add_tier, rules_of, set_limit, tier_names

Run = Callable[..., Result]


@pytest.fixture
def run(app: Flask) -> Run:
    return lambda *words: app.test_cli_runner().invoke(args=[str(word) for word in words])


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("create-tier",), "Make the tier NAME"),
        (("limits",), "List, set, explain and check limits; write them to a file and read it."),
        (("limits", "list"), "List the limits of TIER"),
        (("limits", "set"), "LIMIT times per PERIOD"),
        (("limits", "remove"), "the default applies from the next request"),
        (("limits", "explain"), "Tell what limits USER when they send METHOD to PATH"),
        (("limits", "watch"), "whenever one changes"),
        (("limits", "check"), "For a deploy step"),
        (("limits", "export"), "to FILE, or to the terminal, as YAML"),
        (("limits", "import"), "change nothing unless --apply is given"),
    ],
)
def test_every_command_has_help(run: Run, command: tuple[str, ...], words: str) -> None:
    result = run(*command, "--help")

    assert result.exit_code == 0
    assert words in " ".join(result.output.split())


class TestCreateTier:
    def test_it_makes_a_tier(self, app: Flask, run: Run) -> None:
        result = run("create-tier", "gold")

        assert (result.exit_code, result.output) == (0, "Made the tier gold\n")
        assert tier_names(app) == ["free", "gold", "pro"]

    def test_a_taken_name_is_refused(self, app: Flask, run: Run) -> None:
        result = run("create-tier", "pro")

        assert result.exit_code == 1
        assert result.output == "Error: There is already a tier named pro.\n"
        assert tier_names(app) == ["free", "pro"]

    def test_if_missing_leaves_it_alone(self, app: Flask, run: Run) -> None:
        result = run("create-tier", "pro", "--if-missing")

        assert (result.exit_code, result.output) == (0, "")
        assert rules_of(app, "pro") == {"jobs.start": (10, 3600)}

    def test_if_missing_makes_it(self, app: Flask, run: Run) -> None:
        assert run("create-tier", "gold", "--if-missing").exit_code == 0
        assert "gold" in tier_names(app)

    @pytest.mark.parametrize("name", ["", " ", "a/b", "x" * 65])
    def test_a_wrong_name_is_refused_by_the_rule_of_the_pages(
        self, app: Flask, run: Run, name: str
    ) -> None:
        result = run("create-tier", name)

        assert result.exit_code == 2
        assert "Invalid value for NAME" in result.output
        assert tier_names(app) == ["free", "pro"]


class TestList:
    def test_it_lists_every_tier_in_words(self, run: Run) -> None:
        result = run("limits", "list")

        assert result.exit_code == 0
        lines = [" ".join(line.split()) for line in result.output.splitlines()]
        assert lines == [
            "free POST /tasks 1 request per hour",
            "pro POST /tasks 10 requests per hour",
        ]

    def test_it_lists_one_tier_for_programs(self, run: Run) -> None:
        result = run("limits", "list", "pro", "--json")

        numbers = {"limit": 10, "period": 3600, "observed": False}
        assert json.loads(result.output) == [
            {"tier": "pro", "route": "jobs.start", "methods": "POST", **numbers}
        ]

    def test_a_route_that_is_gone_is_listed_as_such(self, app: Flask, run: Run) -> None:
        set_limit(app, "pro", 5, 60, route="reports.make")

        assert "reports.make (gone)" in run("limits", "list", "pro").output

    def test_a_tier_without_limits_says_what_applies(self, app: Flask, run: Run) -> None:
        add_tier(app, "gold")

        result = run("limits", "list", "gold")
        assert result.output == "No limits are set. Every route allows the default.\n"

    def test_an_unknown_tier_is_answered_with_the_ones_there_are(self, run: Run) -> None:
        result = run("limits", "list", "gold")

        assert result.exit_code == 1
        assert result.output == "Error: There is no tier named 'gold'. Tiers: free, pro.\n"


class TestSet:
    def test_it_observes_or_enforces_and_else_leaves_that_alone(self, run: Run) -> None:
        said = "free: Background tasks allows 5 requests per hour"
        for options, ending in (
            (["--observe"], ", observed only\n"),
            ([], ", observed only\n"),
            (["--enforce"], "\n"),
            ([], "\n"),
        ):
            result = run("limits", "set", "free", "/tasks", 5, 3600, *options)
            assert result.output == said + ending

    @pytest.mark.parametrize(
        "route", ["jobs.start", "/tasks", "tasks", "POST /tasks", "/Tasks/", "JOBS.START"]
    )
    def test_a_route_is_meant_by_its_path_or_its_key(
        self, app: Flask, run: Run, route: str
    ) -> None:
        result = run("limits", "set", "free", route, 30, 900)

        assert result.exit_code == 0
        assert result.output == "free: Background tasks allows 30 requests per 15 minutes\n"
        assert rules_of(app, "free") == {"jobs.start": (30, 900)}

    @pytest.mark.parametrize(
        ("words", "seconds"),
        [("90", 90), ("15 minutes", 900), ("1 hour", 3600), ("Day", 86400), ("2 Days", 172_800)],
    )
    def test_a_period_is_in_seconds_or_in_words(
        self, app: Flask, run: Run, words: str, seconds: int
    ) -> None:
        assert run("limits", "set", "free", "/tasks", 5, words).exit_code == 0
        assert rules_of(app, "free") == {"jobs.start": (5, seconds)}

    def test_another_method_than_the_routes_is_refused(self, app: Flask, run: Run) -> None:
        result = run("limits", "set", "free", "GET /tasks", 5, 60)

        assert result.exit_code == 1
        assert result.output == (
            "Error: No limited route is 'GET /tasks'. Choose one of: POST /tasks.\n"
        )
        assert rules_of(app, "free") == {"jobs.start": (1, 3600)}

    def test_a_tier_without_a_limit_gets_one(self, app: Flask, run: Run) -> None:
        add_tier(app, "gold")

        assert run("limits", "set", "gold", "/tasks", 5, 60).exit_code == 0
        assert rules_of(app, "gold") == {"jobs.start": (5, 60)}

    def test_it_counts_from_the_next_request(self, clock: Clock, run: Run, bob: Browser) -> None:
        start = {"task": "demonstration"}
        bob.post("/tasks", start)
        assert bob.post("/tasks", start).status_code == 429

        run("limits", "set", "free", "/tasks", 2, 3600)

        assert bob.post("/tasks", start).status_code == 303
        assert bob.post("/tasks", start).status_code == 429

    @pytest.mark.parametrize("route", ["/task", "/taks", "jobs.begin", "", "/users"])
    def test_an_unknown_route_is_answered_with_the_nearest(
        self, app: Flask, run: Run, route: str
    ) -> None:
        result = run("limits", "set", "free", route, 5, 60)

        assert result.exit_code == 1
        assert result.output == (
            f"Error: No limited route matches {route!r}. Choose one of: /tasks.\n"
        )
        assert rules_of(app, "free") == {"jobs.start": (1, 3600)}

    @pytest.mark.parametrize(
        ("numbers", "name", "sentence"),
        [
            (("0", "60"), "LIMIT", "Enter 1 or more."),
            (("many", "60"), "LIMIT", "Enter 1 or more."),
            (("5", "0"), "PERIOD", "Enter 1 or more."),
            (("5", "a while"), "PERIOD", "Enter seconds, such as 900, or words such as"),
            (("5", "minutes 5"), "PERIOD", "Enter seconds, such as 900, or words such as"),
            (("5", "99999 days"), "PERIOD", "Choose a shorter time."),
            (("5", "2147483648"), "PERIOD", "Enter 2,147,483,647 or less."),
        ],
    )
    def test_numbers_follow_the_rules_of_the_pages(
        self, app: Flask, run: Run, numbers: tuple[str, str], name: str, sentence: str
    ) -> None:
        result = run("limits", "set", "free", "/tasks", *numbers)

        assert result.exit_code == 2
        assert f"Invalid value for {name}: {sentence}" in result.output
        assert rules_of(app, "free") == {"jobs.start": (1, 3600)}

    def test_an_unknown_tier_is_refused(self, run: Run) -> None:
        assert run("limits", "set", "gold", "/tasks", 5, 60).exit_code == 1


class TestRemove:
    def test_it_removes_a_limit(self, app: Flask, run: Run) -> None:
        result = run("limits", "remove", "free", "/tasks")

        assert (result.exit_code, result.output) == (
            0,
            "free: the limit on jobs.start is removed\n",
        )
        assert rules_of(app, "free") == {}

    def test_a_limit_of_a_route_that_is_gone_can_be_removed(self, app: Flask, run: Run) -> None:
        set_limit(app, "free", 5, 60, route="reports.make")

        assert run("limits", "remove", "free", "reports.make").exit_code == 0
        assert rules_of(app, "free") == {"jobs.start": (1, 3600)}

    def test_what_is_not_there_cannot_be_removed(self, app: Flask, run: Run) -> None:
        add_tier(app, "gold")

        result = run("limits", "remove", "gold", "/tasks")
        assert (result.exit_code, result.output) == (1, "Error: gold has no limit on /tasks.\n")

    def test_an_unknown_route_is_answered_with_the_nearest(self, run: Run) -> None:
        result = run("limits", "remove", "free", "/takss")

        assert result.exit_code == 1
        assert "Choose one of: /tasks, /api/v1/tasks/task." in result.output
