"""docs/openapi.json is what the API does, and the command that prints and checks it."""

import json
from pathlib import Path

import pytest
from flask import Flask

from app.openapi import document
from app.reference import cli
from app.reference.cli import OUTDATED
from app.reference.published import SNAPSHOT, as_text, is_snapshot


def test_the_snapshot_is_up_to_date(app: Flask) -> None:
    known = document(app)

    assert is_snapshot(known, SNAPSHOT.read_text("utf-8")), OUTDATED


def test_the_command_prints_what_is_published(app: Flask) -> None:
    printed = app.test_cli_runner().invoke(args=["openapi"])

    assert printed.exit_code == 0
    assert printed.output == as_text(document(app))


def test_the_command_says_whether_the_snapshot_is_true(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "SNAPSHOT", tmp_path / "openapi.json")
    runner = app.test_cli_runner()
    assert runner.invoke(args=["openapi", "--check"]).exit_code == 1

    cli.SNAPSHOT.write_text(as_text(document(app)), "utf-8")
    assert runner.invoke(args=["openapi", "--check"]).exit_code == 0

    known = json.loads(cli.SNAPSHOT.read_text("utf-8"))
    del known["paths"]["/api/v1/login"]
    cli.SNAPSHOT.write_text(as_text(known), "utf-8")
    told = runner.invoke(args=["openapi", "--check"])
    assert told.exit_code == 1
    assert "Run ./dev flask openapi > docs/openapi.json" in told.output


def test_the_facts_of_one_site_do_not_make_it_outdated(app: Flask) -> None:
    known = document(app)
    elsewhere = {**known, "info": {"title": "Night desk", "version": "7"}}

    assert is_snapshot(known, as_text(elsewhere))
    assert not is_snapshot(known, as_text({**known, "tags": []}))
    assert not is_snapshot(known, "not JSON")
    assert not is_snapshot(known, json.dumps([known]))
