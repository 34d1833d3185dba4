"""./dev: what a newcomer meets first, and what it says when something is missing."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.copies import PROJECT, Copy, digest, free_port


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_help_lists_every_command(copy: Copy) -> None:
    commands = re.findall(r"^    ([a-z]+)(?: \|[^)]*)?\)$", (PROJECT / "dev").read_text(), re.M)

    listed = re.findall(r"^  ([a-z]+)  ", copy.dev("help").stdout, re.M)

    assert sorted(listed) == sorted(commands)
    assert {"help", "run", "test", "check", "lock", "flask"} <= set(listed)


def test_no_command_shows_the_help(copy: Copy) -> None:
    assert copy.dev().stdout == copy.dev("help").stdout


def test_an_unknown_command_points_to_the_help(copy: Copy) -> None:
    answer = copy.dev("walk")

    assert answer.returncode == 1
    assert answer.stderr == 'There is no command "walk": ./dev help lists them.\n'


@pytest.mark.parametrize("command", ["run", "test"])
def test_an_old_python_is_told_in_one_sentence(copy: Copy, command: str) -> None:
    old = "import sys; sys.version_info = (3, 10, 14, 'final', 0); exec(sys.argv[1])"
    copy.write(copy.tools / "python3", f'#!/bin/sh\nexec "{sys.executable}" -c "{old}" "$2"\n')

    answer = copy.dev(command, PYTHON="")

    assert answer.returncode == 1
    assert answer.stderr.startswith("Gatehouse needs Python 3.11 or newer: install it")
    assert answer.stderr.count("\n") == 1
    assert not (copy.folder / ".venv").exists()


def test_a_newer_python_is_found_beside_an_old_one(copy: Copy) -> None:
    """Its venv module is missing, too: that message proves that it was chosen."""
    copy.write(copy.tools / "python3", "#!/bin/sh\nexit 1\n")
    copy.write(copy.tools / "python3.12", '#!/bin/sh\n[ "${2#*ensurepip}" = "$2" ]\n')

    assert "install its venv module" in copy.dev("run", PYTHON="").stderr


def test_a_missing_venv_module_is_told_in_one_sentence(copy: Copy, tmp_path: Path) -> None:
    (tmp_path / "ensurepip.py").write_text("raise ImportError('not in this Python')")

    answer = copy.dev("run", PYTHONPATH=str(tmp_path))

    assert answer.returncode == 1
    assert re.search(
        r"apt install python3\.\d+-venv\), then run \./dev run again\.$", answer.stderr
    )
    assert answer.stderr.count("\n") == 1
    assert not (copy.folder / ".venv").exists()


def test_packages_are_installed_once(copy: Copy) -> None:
    venv = copy.make_venv()

    first = copy.dev("flask", "--version")
    second = copy.dev("flask", "--version")

    assert "Installing" in first.stdout, first.stderr
    assert "Installing" not in second.stdout
    assert "Flask" in second.stdout, second.stderr
    stamp = (venv / "requirements.txt.sha256").read_text().strip()
    assert stamp == digest(copy.folder / "requirements.txt")


def test_a_moved_folder_gets_a_venv_of_its_own(copy: Copy, tmp_path: Path) -> None:
    copy.finish_set_up()
    copy.write(".venv/made-for", "Python 3.11 in another folder\n")
    (tmp_path / "ensurepip.py").write_text("raise ImportError('stops here')")

    answer = copy.dev("run", PYTHONPATH=str(tmp_path))

    assert "install its venv module" in answer.stderr


def test_packages_without_network_leave_no_stamp(copy: Copy) -> None:
    venv = copy.make_venv()
    copy.write("requirements.txt", f"nowhere-to-be-found==1.0 --hash=sha256:{'0' * 64}\n")
    (venv / "requirements.txt.sha256").write_text("the digest of an older file")

    answer = copy.dev("run", PIP_INDEX_URL=f"http://127.0.0.1:{free_port()}/simple")

    assert answer.returncode == 1
    assert answer.stderr == (
        "No network: the Python packages could not be fetched. Connect, then run ./dev run again.\n"
    )
    assert not (venv / "requirements.txt.sha256").exists()


def test_front_end_files_without_network_leave_no_stamp(copy: Copy, tmp_path: Path) -> None:
    copy.finish_set_up()
    for name in ("node", "npm"):
        copy.offer(name, shutil.which(name))
    shutil.rmtree(copy.folder / "static" / "vendor")
    nowhere = f"http://127.0.0.1:{free_port()}/"
    empty = str(tmp_path / "empty")

    answer = copy.dev(
        "run",
        npm_config_registry=nowhere,
        npm_config_fetch_retries="0",
        npm_config_cache=empty,
        PIP_INDEX_URL=nowhere,
    )

    assert answer.returncode == 1
    assert re.match(
        r"No network: (the front-end files|Node) could not be fetched\. Connect, .* again\.\n$",
        answer.stderr,
    )
    assert not (copy.folder / "node_modules" / ".lock.sha256").exists()


def test_served_files_carry_the_pinned_version_in_their_path() -> None:
    pinned = json.loads((PROJECT / "package.json").read_text())["dependencies"]

    assert pinned["htmx.org"] == "4.0.1"
    for package, file in (("htmx.org", "htmx.min.js"), ("bootstrap", "bootstrap.min.css")):
        assert (PROJECT / "static/vendor" / f"{package}@{pinned[package]}" / file).stat().st_size


def test_no_served_style_sheet_asks_for_what_the_policy_of_our_pages_refuses() -> None:
    sheets = list((PROJECT / "static").rglob("*.css"))

    assert len(sheets) >= 2
    assert [sheet for sheet in sheets if 'url("data:' in sheet.read_text()] == []


def test_the_lock_of_front_end_files_pins_hashes_and_names_no_host() -> None:
    text = (PROJECT / "package-lock.json").read_text()
    packages = json.loads(text)["packages"]

    assert all("integrity" in package for name, package in packages.items() if name)
    for package in packages.values():
        package.pop("funding", None)  # where its authors ask for money: not where it comes from
    assert "://" not in json.dumps(packages)


def test_the_lists_of_python_packages_pin_hashes_and_name_no_host() -> None:
    for file in PROJECT.glob("requirements*.txt"):
        entries = re.split(r"\n(?=[a-z])", file.read_text().strip())
        assert all(re.match(r"[\w.\[\],-]+==", entry) for entry in entries)
        assert all("--hash=sha256:" in entry for entry in entries)
        assert "://" not in file.read_text()


def test_a_missing_chromium_is_told_before_the_tests(copy: Copy) -> None:
    copy.finish_set_up()

    assert copy.dev("test", "--version").stdout.startswith(
        "Pages are not tested in a browser: install Chromium"
    )
    assert "Chromium" not in copy.dev("test", "--version", CI="true").stdout


def test_every_check_runs_and_the_failed_ones_are_named(copy: Copy) -> None:
    for tool, verdict in (("ruff", 1), ("python", 0), ("lint-imports", 1)):
        copy.write(f".venv/bin/{tool}", f"#!/bin/sh\nexit {verdict}\n")

    answer = copy.run("sh", "scripts/checks.sh")

    assert answer.returncode == 1
    assert len(re.findall("^== ", answer.stdout, re.M)) == 6
    assert answer.stdout.endswith("\nFailed: style, format, import rules\n")


def test_checks_that_pass_say_so(copy: Copy) -> None:
    for tool in ("ruff", "python", "lint-imports"):
        copy.write(f".venv/bin/{tool}", "#!/bin/sh\nexit 0\n")

    answer = copy.run("sh", "scripts/checks.sh")

    assert (answer.returncode, answer.stdout.splitlines()[-1]) == (0, "Every check passed.")


@pytest.mark.parametrize(
    ("found", "status", "words"),
    [
        ({"vulns": []}, 0, "Audited 1 of 1 packages."),
        ({"vulns": [{"id": "X-1", "fix_versions": ["2.0"]}]}, 1, "flask 1.0: X-1, fixed in 2.0"),
        ({"skip_reason": "not found"}, 0, "NOT AUDITED"),
    ],
)
def test_the_audit_tells_what_it_found_and_what_it_could_not(
    copy: Copy, tmp_path: Path, found: dict[str, object], status: int, words: str
) -> None:
    answers = json.dumps({"dependencies": [{"name": "flask", "version": "1.0", **found}]})
    (tmp_path / "pip_audit.py").write_text(f"print({answers!r})")

    answer = copy.run(sys.executable, "scripts/audit.py", PYTHONPATH=str(tmp_path))

    assert answer.returncode == status
    assert words in answer.stdout


@pytest.mark.parametrize("failing", ["test", "check"])
def test_continuous_integration_runs_both_and_fails_when_one_does(copy: Copy, failing: str) -> None:
    copy.write(copy.tools / "chromium", "#!/bin/sh\n")
    copy.write("dev", f'#!/bin/sh\necho "$1 $CI" >>asked\n[ "$1" != {failing} ]\n')

    answer = copy.run(".ci/run")

    assert answer.returncode == 1
    assert (copy.folder / "asked").read_text() == "test true\ncheck true\n"
