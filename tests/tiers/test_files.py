"""Limits in a file: written so that a deploy can bring them into force, all of them or none."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import Result
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import delete, text

from app.extensions import db
from app.tiers import plans
from app.tiers.file_commands import BUSY, OVERTAKEN, bring_about, refusals_of
from app.tiers.files import read, write
from app.tiers.models import RateLimit, Tier
from app.tiers.plain_yaml import LARGEST_BYTES
from app.tiers.plans import compare, hold_still, saved_tiers
from app.tiers.routes import Route
from app.tiers.rules import LARGEST, TierName
from tests.audit.kept import kept, told
from tests.people import Browser
from tests.tiers.conftest import Clock
from tests.tiers.screen import add_tier, rules_of, set_limit, tier_names

Import = Callable[..., Result]
World = dict[str, dict[str, tuple[int, int, bool]]]
FREE = "tiers:\n  free:\n  - {route: POST /tasks, limit: %s, period: %s}\n"
# Alike when slashes and underscores are, or when methods are forgotten.
ROUTES = [
    Route("reports.make", "/reports", ("POST",), "Reports", "make a report"),
    Route("reports.list", "/reports", ("GET",), "Lists", "list reports"),
    Route("a.b", "/a/b", ("POST", "PUT"), "Slash", "slash"),
    Route("a_b", "/a_b", ("POST",), "Underscore", "underscore"),
    Route("posts.edit", "/posts/<int:id>", ("POST",), "Edits", "edit"),
    Route("twin.one", "/twin", ("POST",), "Twin", "twin"),
    Route("twin.two", "/twin", ("POST",), "Twin", "twin"),
]


@pytest.fixture
def bring(app: Flask) -> Import:
    """Import what is written, from the terminal's input."""
    run = app.test_cli_runner().invoke
    return lambda content, *options: run(args=["limits", "import", "-", *options], input=content)


@pytest.fixture
def export(app: Flask) -> Callable[[], str]:
    return lambda: app.test_cli_runner().invoke(args=["limits", "export"]).output


@pytest.fixture
def many_routes(app: Flask) -> Iterator[Flask]:
    """As if the application limited more than one."""
    before = app.extensions["limited_routes"]
    app.extensions["limited_routes"] = {route.key: route for route in ROUTES}
    yield app
    app.extensions["limited_routes"] = before


class TestExport:
    def test_it_reads_as_people_write(self, app: Flask, export: Callable[[], str]) -> None:
        set_limit(app, "pro", 1000, 900)
        with app.app_context():
            db.session.execute(text('UPDATE rate_limits SET observed = true WHERE "limit" = 1000'))
            db.session.commit()

        header, _, body = export().partition("\n\n")

        assert all(line.startswith("#") for line in header.splitlines())
        assert "flask limits import FILE --apply" in header
        assert body == (
            "tiers:\n"
            "  free:\n  - route: POST /tasks\n    limit: 1\n    period: 1 hour\n"
            "  pro:\n  - route: POST /tasks\n    limit: 1000\n    period: 15 minutes\n"
            "    observed: true\n"
        )

    def test_it_is_the_same_in_whatever_order_things_were_made(
        self, many_routes: Flask, export: Callable[[], str]
    ) -> None:
        worlds: list[World] = [
            {"b": {"a_b": (1, 1, False), "a.b": (2, 2, False)}, "A": {}},
            {"A": {}, "b": {"a.b": (2, 2, False), "a_b": (1, 1, False)}},
        ]
        files = []
        for world in worlds:
            with many_routes.app_context():
                make(world)
            files.append(export())

        assert files[0] == files[1]

    def test_it_is_written_to_a_file(self, app: Flask, tmp_path: Path) -> None:
        path = tmp_path / "limits.yml"
        path.write_text("what was there")

        result = app.test_cli_runner().invoke(args=["limits", "export", str(path)])

        assert (result.exit_code, result.output) == (0, "")
        assert path.read_text().endswith("period: 1 hour\n")
        result = app.test_cli_runner().invoke(args=["limits", "import", str(path)])
        assert (result.exit_code, result.output) == (0, "Nothing differs.\n")

    def test_a_place_that_is_not_there_is_refused(self, app: Flask, tmp_path: Path) -> None:
        path = str(tmp_path / "no" / "limits.yml")

        result = app.test_cli_runner().invoke(args=["limits", "export", path])

        assert result.exit_code == 1
        assert "No such file or directory" in result.output


class TestDryRun:
    def test_it_tells_what_would_change_and_changes_nothing(
        self, app: Flask, bring: Import
    ) -> None:
        add_tier(app, "team")
        content = (
            "tiers:\n  free:\n  - {route: /tasks, limit: 5, period: 3600, observed: true}\n"
            "  gold:\n  - {route: jobs.start, limit: 7, period: 90 seconds}\n  pro: []\n"
        )

        result = bring(content)

        assert result.exit_code == 3
        assert result.output.splitlines() == [
            "~ free: Background tasks 1 request per hour → 5 requests per hour, observed only",
            "+ gold: a new tier",
            "+ gold: Background tasks 7 requests per 90 seconds",
            "- pro: Background tasks 10 requests per hour (not in the file)",
            "  team: not in the file, left alone",
            "4 changes to make; nothing is changed yet. To make it so: add --apply",
        ]
        assert tier_names(app) == ["free", "pro", "team"]
        assert rules_of(app, "free") == {"jobs.start": (1, 3600)}
        assert rules_of(app, "pro") == {"jobs.start": (10, 3600)}
        assert kept(app) == []

    def test_it_ends_well_when_nothing_differs(self, bring: Import) -> None:
        result = bring(FREE % (1, "1 hour"))

        assert result.exit_code == 0
        assert result.output == "  pro: not in the file, left alone\nNothing differs.\n"


class TestApply:
    def test_it_is_on_record_with_before_and_after(self, app: Flask, bring: Import) -> None:
        content = (
            "tiers:\n  free:\n  - {route: /tasks, limit: 1, period: 3600, observed: true}\n"
            "  gold:\n  - {route: /tasks, limit: 7, period: 60}\n  pro: []\n"
        )

        result = bring(content, "--apply")

        assert result.exit_code == 0
        assert result.output.endswith("Applied 4 changes, from the next request.\n")
        assert rules_of(app, "gold") == {"jobs.start": (7, 60)}
        assert rules_of(app, "pro") == {}
        told_and_changed = [(told(event), event.changes) for event in kept(app)]
        hourly = "1 request per hour"
        assert told_and_changed == [
            (
                ("System", "limit.changed", "free"),
                {"POST /tasks": [hourly, f"{hourly}, observed only"]},
            ),
            (
                ("System", "tier.created", "gold"),
                {"POST /tasks": [None, "7 requests per minute"]},
            ),
            (("System", "limit.deleted", "pro"), {"POST /tasks": ["10 requests per hour", None]}),
        ]
        again = bring(content, "--apply")
        assert (again.exit_code, again.output) == (0, "Nothing differs.\n")
        assert len(kept(app)) == 3

    def test_it_counts_from_the_next_request(
        self, clock: Clock, bring: Import, bob: Browser
    ) -> None:
        start = {"task": "demonstration"}
        bob.post("/tasks", start)
        assert bob.post("/tasks", start).status_code == 429

        bring(FREE % (2, 3600), "--apply")

        assert bob.post("/tasks", start).status_code == 303
        assert bob.post("/tasks", start).status_code == 429

    def test_one_problem_leaves_everything_as_it_was(self, app: Flask, bring: Import) -> None:
        result = bring(FREE % (5, 60) + "  gold: []\n  pro: [7]\n", "--apply", "--prune")

        assert result.exit_code == 1
        assert rules_of(app, "free") == {"jobs.start": (1, 3600)}
        assert tier_names(app) == ["free", "pro"]
        assert kept(app) == []

    def test_prune_deletes_what_the_file_does_not_name(self, app: Flask, bring: Import) -> None:
        add_tier(app, "gold")
        set_limit(app, "gold", 5, 60)
        content = "tiers: {free: [], pro: []}"

        assert (
            "- gold: the tier, with 1 limit (not in the file)" in bring(content, "--prune").output
        )
        assert "gold" in tier_names(app)
        assert bring(content, "--prune", "--apply").exit_code == 0

        assert tier_names(app) == ["free", "pro"]
        assert told(kept(app)[-1]) == ("System", "tier.deleted", "gold")

    def test_prune_refuses_a_tier_with_people(self, app: Flask, bring: Import) -> None:
        result = bring(FREE % (5, 60), "--prune", "--apply")

        assert result.exit_code == 1
        assert result.output == (
            "Error: Nothing was changed by the input:\n"
            "  pro is not in the file, and has 2 users on it. Move them to another tier first.\n"
        )
        assert rules_of(app, "free") == {"jobs.start": (1, 3600)}

    def test_a_route_that_is_gone_stays_as_it_was_exported(
        self, app: Flask, bring: Import, export: Callable[[], str]
    ) -> None:
        set_limit(app, "pro", 5, 60, route="reports.make")

        assert bring(export()).output == "Nothing differs.\n"
        # Elsewhere it is as unknown as any other.
        result = bring("tiers:\n  free:\n  - {route: reports.make, limit: 5, period: 60}\n")
        assert "line 3: free: No limited route matches 'reports.make'." in result.output


WRONG = {
    "": "The file is empty.",
    " \n": "The file is empty.",
    "# only words": "line 1: Begin with “tiers:”, and name each tier under it.",
    "free": "line 1: Begin with “tiers:”, and name each tier under it.",
    "tiers:": "line 1: Name each tier under “tiers:”, or write {} when there is none.",
    "tiers:\n  free:": (
        "line 2: free: Write a list of limits, each after a “-”; [] when it has none."
    ),
    "tiers: {}\ntears: {}": "line 2: 'tears' means nothing here. Write tiers.",
    "tiers: {}\ntiers: {}": "line 2: “tiers” is on line 1 already.",
    "tiers:\n  a: []\n  a: []": "line 3: a: It is on line 2 already.",
    "tiers:\n  ? [a]\n  : []": "line 2: A name is one value, not a list.",
    "tiers:\n  a/b: []": "line 2: 'a/b': Use letters, digits, spaces and - _ . + only.",
    "tiers: &a {}": "line 1: Write it out: & and * are not used in this file.",
    "tiers: *a": "line 1: Write it out: & and * are not used in this file.",
    "tiers: !!python/name:os.system {}": "line 1: Leave out the tag: ! is not used in this file.",
    "[" * 9000: "line 1: This is deeper than a limit of a tier is.",
    "tiers: [": "line 1: This is not YAML: expected the node content, but found '<stream end>'.",
    "tiers: {}\n---\n": "line 2: This is not YAML: found another document.",
    "tiers: {}\n\x01": "line 2: There is a character that no text has.",
    b"tiers:\n  \xff: []": "line 2: This is not UTF-8 text.",
    "#" * (LARGEST_BYTES + 1): "The file is larger than 256 kB.",
    FREE % ("0", 60): "line 3: free: POST /tasks: limit: Enter 1 or more.",
    FREE % ("9" * 5000, 60): "line 3: free: POST /tasks: limit: Enter 2,147,483,647 or less.",
    FREE % ("[1]", 60): "line 3: free: POST /tasks: limit: Write one value.",
    FREE % (1, "9999999 days"): "line 3: free: POST /tasks: period: Choose a shorter time.",
    FREE % (1, "60, observed: perhaps"): (
        "line 3: free: POST /tasks: observed: Write true or false."
    ),
    FREE % (1, "60, {}: 1"): "line 3: free: A name is one value, not a list.",
}


@pytest.mark.parametrize("content", WRONG, ids=range(len(WRONG)))
def test_what_is_no_such_file_is_answered_in_a_sentence(
    app: Flask, bring: Import, content: str | bytes
) -> None:
    result = bring(content, "--apply")

    assert result.output == f"Error: Nothing was changed by the input:\n  {WRONG[content]}\n"
    assert result.exit_code == 1
    assert rules_of(app, "free") == {"jobs.start": (1, 3600)}


def test_all_problems_are_listed_with_their_lines(bring: Import) -> None:
    content = (
        'tiers:\n  free:\n  - route: POST /taks\n    limit: none\n    period: 1 "fortnight"\n'
        "  pro:\n  - limti: 1\n  - route: GET /tasks\n    limit: 1\n    period: 1\n"
        '  "\\e[31m": []\n'
    )

    assert bring(content).output.splitlines()[1:] == [
        "  line 3: free: No limited route matches 'POST /taks'. Choose one of: /tasks.",
        "  line 4: free: POST /taks: limit: Enter 1 or more.",
        "  line 5: free: POST /taks: period: Enter seconds, such as 900, or words such as "
        "15 minutes.",
        "  line 7: pro: 'limti' means nothing here. Write limit.",
        "  line 7: pro: The limit has no “limit”.",
        "  line 7: pro: The limit has no “period”.",
        "  line 7: pro: The limit has no “route”.",
        "  line 8: pro: No limited route is 'GET /tasks'. Choose one of: POST /tasks.",
        "  line 11: '\\x1b[31m': Use letters, digits, spaces and - _ . + only.",
    ]


def test_what_a_file_says_does_not_steer_the_terminal(bring: Import) -> None:
    rows = ("/tasks", "/tasks/{\\e]0;\\e[2J\\u202e}/retry")
    content = "".join(f'  - {{route: "{row}", limit: 1, period: 1}}\n' for row in rows)

    told = bring(f'tiers:\n  "go\\e[1m":\n{content}').output

    assert "This route has a limit on line 3 already." in told
    assert told.replace("\n", "").isprintable()


def test_what_could_mean_two_routes_is_refused_and_what_is_exact_is_not(
    many_routes: Flask, bring: Import
) -> None:
    rows = "".join(
        f"  - {{route: {route}, limit: 1, period: 1}}\n"
        for route in ("a.b", "A_B", "/reports", "get /reports", "/a_b", "POST PUT /a/b")
    )

    assert bring(f"tiers:\n  gold:\n{rows}").output.splitlines()[1:] == [
        "  line 4: gold: More than one limited route matches 'A_B'. "
        "Choose one of: POST PUT /a/b, POST /a_b.",
        "  line 5: gold: More than one limited route matches '/reports'. "
        "Choose one of: POST /reports, GET /reports.",
        "  line 8: gold: POST PUT /a/b: This route has a limit on line 3 already.",
    ]


def test_a_file_that_cannot_be_opened_is_refused(app: Flask, tmp_path: Path) -> None:
    run = app.test_cli_runner().invoke

    missing = run(args=["limits", "import", str(tmp_path / "none.yml")])
    folder = run(args=["limits", "import", str(tmp_path)])

    assert (missing.exit_code, folder.exit_code) == (1, 1)
    assert "There is no such file." in missing.output
    assert "It cannot be read: Is a directory." in folder.output


# Any tiers, any limits


def is_name(name: str) -> bool:
    try:
        return bool(TypeAdapter(TierName).validate_python(name) == name)
    except ValidationError:
        return False


names = st.one_of(
    st.sampled_from(["free", "Free", "no", "null", "1.5", "0x1F", "2024-01-01", "1_000", "- a"]),
    st.text(st.characters(categories=("L", "N")), min_size=1, max_size=64),
).filter(is_name)
periods = st.one_of(st.sampled_from([1, 90, 3600, 86400 * 7]), st.integers(1, LARGEST))
limits = st.tuples(st.integers(1, LARGEST), periods, st.booleans())
worlds = st.dictionaries(
    names, st.dictionaries(st.sampled_from([route.key for route in ROUTES]), limits), max_size=4
)


def make(world: World) -> None:
    """Store these tiers with these limits, and no others."""
    for model in (RateLimit, Tier):
        db.session.execute(delete(model))
    for name, rules in world.items():
        tier = Tier(name=name)
        for route, (limit, period, observed) in rules.items():
            numbers = {"limit": limit, "period": period, "observed": observed}
            tier.limits.append(RateLimit(route=route, methods="POST", **numbers))
        db.session.add(tier)
    db.session.commit()


def stored() -> World:
    db.session.rollback()
    return {
        tier.name: {each.route: (each.limit, each.period, each.observed) for each in tier.limits}
        for tier in saved_tiers()
    }


def import_(content: str, **options: Any) -> None:
    hold_still()
    bring_about(compare(read(content.encode()), **options))


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(one=worlds, other=worlds)
def test_the_database_becomes_the_file_and_the_file_the_database(
    many_routes: Flask, one: World, other: World
) -> None:
    with many_routes.app_context():
        make(one)
        file = write(saved_tiers())
        assert compare(read(file.encode()), prune=True).lines == []
        make(other)

        import_(file, prune=False)
        assert stored() == {**other, **one}
        import_(file, prune=True)

        assert stored() == one
        assert write(saved_tiers()) == file


# Others at the same time


def test_of_two_imports_at_once_one_is_in_force_as_a_whole(many_routes: Flask) -> None:
    def world(number: int) -> World:
        rules = {route.key: (number, 60, False) for route in ROUTES[number:]}
        return {"gold": rules, "silver": rules, f"only {number}": rules}

    def bring_into_force(file: str) -> None:
        with many_routes.app_context():
            import_(file, prune=True)

    files = {}
    with many_routes.app_context():
        for number in (1, 2):
            make(world(number))
            files[number] = write(saved_tiers())
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(bring_into_force, [*files.values()] * 6))
        assert stored() in (world(1), world(2))


@pytest.mark.server_only
def test_an_import_does_not_wait_for_ever(
    app: Flask, bring: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "PATIENCE", "100ms")
    with app.app_context(), db.engine.begin() as other:
        other.execute(text("UPDATE tiers SET name = 'gold' WHERE name = 'pro'"))
        assert bring(FREE % (5, 60)).exit_code == 3  # looking waits for nobody
        result = bring(FREE % (5, 60), "--apply")
        other.rollback()

    assert (result.exit_code, result.output) == (1, f"Error: {BUSY}\n")
    assert rules_of(app, "free") == {"jobs.start": (1, 3600)}


@pytest.mark.server_only
def test_a_limit_that_somebody_changes_meanwhile_is_not_overwritten(app: Flask) -> None:
    """Embedded, whoever changes waits for the import: there is one lock."""
    content = FREE % (5, 60) + "  pro: []\n  gold: []\n"
    with app.app_context():
        hold_still()
        plan = compare(read(content.encode()), prune=False)
        with db.engine.begin() as other:
            other.execute(text('UPDATE rate_limits SET "limit" = 7, version = version + 1'))
        with pytest.raises(click.ClickException, match=OVERTAKEN), refusals_of("limits.yml"):
            bring_about(plan)

    assert rules_of(app, "free") == {"jobs.start": (7, 3600)}
    assert rules_of(app, "pro") == {"jobs.start": (7, 3600)}
    assert tier_names(app) == ["free", "pro"]
    assert kept(app) == []
