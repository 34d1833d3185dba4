"""The published document is true: schemathesis makes calls from it, to a real server, and holds
each answer against it, as a stranger, as a user and as an operator.

It looks briefly, each where they may do most, and makes the same calls each time. With
FUZZ_SECONDS each asks everywhere, for so long in each way: at the edges of every schema, at random,
and one call after the other.
"""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.tiers.web import Web, serving
from tests.tokens.deeds import me, token_of

pytestmark = pytest.mark.server_only
HERE = Path(__file__).parent
SECONDS = os.environ.get("FUZZ_SECONDS")
AT_LENGTH = ("examples,coverage", "fuzzing", "stateful")
BRIEFLY = ["--phases", "examples,fuzzing,stateful", "--max-examples", "1"]
BRIEFLY += ["--exclude-name", "PATCH /api/v1/{username}/post/{id}"]  # long texts take it long
FREE = 1_000_000_000  # of limits: else the answers would soon be all alike
# Who asks, and where when there is little time.
ROLES = {
    "stranger": (None, ("Sign-in", "Tasks")),
    "user": ("bob", ("Posts", "Tasks")),
    "operator": ("alice", ("Users", "Tiers", "Rate limits")),
}
# These would end the token that asks, and then there is nothing left to look at.
ENDS = {
    "user": ("POST /api/v1/logout", "DELETE /api/v1/user/me", "DELETE /api/v1/user/{username}"),
    "operator": ("POST /api/v1/logout", "DELETE /api/v1/user/me"),
}


@pytest.fixture(scope="module")
def web(
    prepared_app: Flask, mode_settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Web]:
    settings = {**mode_settings, "default_rate_limit_limit": FREE}
    log = tmp_path_factory.mktemp("web") / "log"
    with serving(settings, log, "tests.reference.served:app") as web:
        yield web


@pytest.mark.parametrize("role", ROLES)
def test_the_document_is_true(app: Flask, web: Web, role: str, tmp_path: Path) -> None:
    username, tags = ROLES[role]
    token = token_of(app, username) if username else ""
    ways = [["--phases", phases, "--max-time", SECONDS] for phases in AT_LENGTH if SECONDS]

    for how in ways or [[*BRIEFLY, *each("--include-tag", tags)]]:
        found = asked_by_schemathesis(web, [*how, *as_whom(token, role)], tmp_path)
        print(found.stdout)
        assert found.returncode == 0, web.log.read_text()[-5000:]
    assert not token or me(app, token).status_code == 200  # so it was looked at to the end


def each(option: str, values: Iterable[str]) -> list[str]:
    return [word for value in values for word in (option, value)]


def as_whom(token: str, role: str) -> list[str]:
    if not token:
        return []
    return ["--header", f"Authorization: Bearer {token}", *each("--exclude-name", ENDS[role])]


def asked_by_schemathesis(
    web: Web, how: list[str], folder: Path
) -> subprocess.CompletedProcess[str]:
    address = f"http://127.0.0.1:{web.port}/openapi.json"
    always = ["--checks", "all", "--seed", "1", "--continue-on-failure", "--warnings", "off"]
    always += ["--no-color", "--generation-database", "none", "--workers", "1"]
    config = ["--config-file", str(HERE / "schemathesis.toml")]
    command = [sys.executable, "-m", "schemathesis.cli", *config, "run", address, *always, *how]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": str(HERE / "hooks.py")}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
