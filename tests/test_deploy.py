"""The Docker files, read as text: no engine runs here, so what can be checked is checked."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
STAGES = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:]


def test_every_part_is_there() -> None:
    assert set(SERVICES) == {
        *("web", "worker", "migrate", "db", "redis-memory", "redis-queue", "pgadmin"),
    }


def test_only_the_web_port_is_published() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["web"]
    assert SERVICES["web"]["ports"] == ["${PUBLISH:-127.0.0.1:8000}:8000"]


@pytest.mark.parametrize("name", [name for name in SERVICES if name not in ("migrate",)])
def test_what_ends_is_started_again(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", ["worker", "db", "redis-memory", "redis-queue", "pgadmin"])
def test_health_is_watched(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]


def test_web_and_worker_wait_for_the_migration_that_runs_once() -> None:
    assert SERVICES["migrate"]["restart"] == "no"
    command = SERVICES["migrate"]["command"]
    assert command == ["sh", "-c", "flask prepare && flask limits check"]
    for name in ("web", "worker"):
        waits = SERVICES[name]["depends_on"]
        assert waits["migrate"] == {"condition": "service_completed_successfully"}


def test_the_memory_forgets_and_the_queue_does_not() -> None:
    memory, queue = (SERVICES[name]["command"] for name in ("redis-memory", "redis-queue"))

    assert memory[memory.index("--appendonly") + 1] == "no"
    assert queue[queue.index("--appendonly") + 1] == "yes"
    assert queue[queue.index("--maxmemory-policy") + 1] == "noeviction"


def test_pgadmin_starts_only_when_asked_for() -> None:
    assert SERVICES["pgadmin"]["profiles"] == ["pgadmin"]


def test_no_secret_stands_in_the_file() -> None:
    text = (ROOT / "compose.yml").read_text()

    for name, value in re.findall(r"(\w*(?:PASSWORD|SECRET|KEY)\w*): *(.*)", text):
        assert value.startswith("${"), f"{name} is written out"


def test_the_containers_may_do_little() -> None:
    for name in ("web", "worker", "migrate"):
        service = SERVICES[name]
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["env_file"] == ".env"


def test_the_last_stage_runs_without_rights_and_without_a_compiler() -> None:
    last = STAGES[-1]

    assert "slim" in last.splitlines()[0]
    assert re.search(r"^USER gatehouse$", last, re.MULTILINE)
    assert "HEALTHCHECK" in last
    assert not re.search(r"pip install|apt-get|npm", last)
    assert "--only-binary :all:" in STAGES[0]
    assert "--require-hashes" in STAGES[0]


def test_what_is_copied_is_there_and_not_ignored() -> None:
    allowed = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    sources = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    ]

    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert any(source == each or source.startswith(f"{each}/") for each in allowed), source


def test_what_the_application_needs_at_run_time_is_in_the_last_stage() -> None:
    for name in ("app", "static", "templates", "migrations", "wsgi.py", "package.json"):
        assert re.search(rf"^COPY .*\b{re.escape(name)}\b", STAGES[-1], re.MULTILINE), name
