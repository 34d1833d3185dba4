"""The example can be taken out, and leaves an application that works: tried on a copy of it all."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask

from app.openapi import document
from tests.copies import PROJECT

LEFT_OUT = ("__pycache__", ".git", ".*_cache", ".venv", "node_modules", "instance", "test-results")
STARTS = """
import json, sys
from app import create_app
from app.config import load_settings
from app.openapi import document
app = create_app(load_settings(_env_file=None, secret_key="k" * 40, data_dir=sys.argv[1]))
rules = [rule.rule for rule in app.url_map.iter_rules()]
with app.test_request_context("/"):
    print(json.dumps([[rule for rule in rules if "post" in rule], document(app)]))
"""
# What knows most of everything: imports, tables, the file about people, doors, words of the trail.
SOME = (
    "imports_go_down or models_and_migrations_agree or stand_in_one_line or gets_everything_about"
    " or vocabulary or asked_to_sign_in_everywhere or programs_that_look or whole_tree"
    " or no_door_takes or names_is_there or snapshot_is_up_to_date or no_door_is_missing"
)


class Scratch:
    """The whole project in another folder, with a git of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "gatehouse"
        shutil.copytree(PROJECT, self.folder, ignore=shutil.ignore_patterns(*LEFT_OUT))

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder.parent)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, *arguments)

    def git(self, *arguments: str) -> str:
        who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com")
        done = self.run("git", *who, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def remove(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.python("scripts/remove_example", *arguments)

    def has(self, name: str) -> bool:
        return (self.folder / name).exists()


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    copy = Scratch(tmp_path_factory.mktemp("copy"))
    copy.git("init", "--quiet")
    copy.git("add", "--all")
    copy.git("commit", "--quiet", "--message", "All of it")
    return copy


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_the_example_is_taken_out_and_the_rest_works(app: Flask, scratch: Scratch) -> None:
    with app.test_request_context("/"):
        known = document(app)
    (scratch.folder / "docs" / "openapi.json").write_text(json.dumps(known))

    refused = scratch.remove()
    assert (refused.returncode, scratch.has("app/posts")) == (1, True)
    assert "not committed" in refused.stdout

    scratch.git("add", "--all")
    scratch.git("commit", "--quiet", "--allow-empty", "--message", "The document")
    (scratch.folder / "instance").mkdir()
    with sqlite3.connect(scratch.folder / "instance" / "app.sqlite3") as database:
        database.execute("CREATE TABLE posts (id INTEGER)")
    refused = scratch.remove()
    assert (refused.returncode, scratch.has("app/posts")) == (1, True)
    assert "Run first: ./dev flask db downgrade 0007" in refused.stdout

    shutil.rmtree(scratch.folder / "instance")
    (scratch.folder / "app" / "home" / "extra.py").write_text("from app.posts.models import Post\n")
    scratch.git("add", "--all")
    scratch.git("commit", "--quiet", "--message", "Somebody needs it")
    refused = scratch.remove()
    assert "Other code needs it: app/home/extra.py." in refused.stdout
    (scratch.folder / "app" / "home" / "extra.py").unlink()
    scratch.git("commit", "--quiet", "--all", "--message", "Nobody needs it")

    done = scratch.remove()

    assert (done.returncode, done.stderr) == (0, "")
    assert "What remains to be done by hand" in done.stdout
    changed = re.findall(r"^M  ?(\S+)|^ M (\S+)", scratch.git("status", "--porcelain"), re.M)
    names = {name for pair in changed for name in pair if name}
    after_it = "migrations/versions/20261126_long_lists.py"
    assert names == {".importlinter", "app/__init__.py", "docs/openapi.json", after_it}
    assert scratch.git("diff", "--numstat", ".importlinter", "app/__init__.py").split() == [
        *("1", "1", ".importlinter"),
        *("0", "1", "app/__init__.py"),
    ]
    assert scratch.remove().returncode != 0  # it took itself out, too

    started = scratch.python("-c", STARTS, str(scratch.folder.parent / "data"))
    assert started.returncode == 0, started.stderr
    rules, says = json.loads(started.stdout)
    assert rules == []
    kept = json.loads((scratch.folder / "docs" / "openapi.json").read_text())
    assert (kept["paths"], kept["tags"]) == (says["paths"], says["tags"])
    assert not any("Post" in name for name in kept["components"]["schemas"])


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_the_tests_that_are_left_pass(scratch: Scratch, mode: str) -> None:
    assert not scratch.has("tests/posts")  # the test before took it out

    checked = scratch.python("-m", "ruff", "check", "--quiet", "--select", "F,I")
    assert checked.returncode == 0, checked.stdout
    chosen = f"({SOME}) and not server and not browser"
    # All of them are collected; to rewrite their assertions would take half of the time.
    options = ("-n", "0", "--assert=plain", "-p", "no:cacheprovider", "-p", "no:schemathesis")
    tried = scratch.python("-m", "pytest", *options, "-k", chosen)

    assert tried.returncode == 0, tried.stdout[-4000:]
    assert tried.stdout.count(".") > 50
