"""Every example of the page API is run as it is printed, against a site that really runs."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from app.reference.examples import DEEDS, LANGUAGES, examples
from tests.browser.site import Person, Site
from tests.tokens.deeds import token_of

JWT = r"[\w-]+\.[\w-]+\.[\w-]+"
# What starts a program in each language; its text follows.
STARTS = {
    "curl": ["bash", "-euo", "pipefail", "-c"],
    "python": [sys.executable, "-c"],
    "javascript": ["node", "--input-type=module", "--eval"],
}
Printed = Callable[[str, str], str]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("examples")) as live:
        yield live


@pytest.fixture(scope="module")
def printed(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Printed]:
    """What every example prints, all of them run at once."""

    def start(language: str) -> dict[str, Future[str]]:
        who, folder = site.newcomer("Priya Raman"), tmp_path_factory.mktemp(language)
        with site.app.test_request_context(base_url=site.address):
            programs = examples(language)
        environment = environment_of(site, who)
        return {
            deed: pool.submit(run, [*STARTS[language], code], folder, environment)
            for deed, code in programs.items()
        }

    with ThreadPoolExecutor(len(LANGUAGES) * len(DEEDS)) as pool:
        running = {language: start(language) for language in LANGUAGES if is_there(language)}
        yield lambda language, deed: running[language][deed].result()


def is_there(language: str) -> bool:
    return shutil.which(STARTS[language][0]) is not None and bool(shutil.which("curl"))


def environment_of(site: Site, who: Person) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "GATEHOUSE_USER": who.username,
        "GATEHOUSE_PASSWORD": who.password,
        "GATEHOUSE_TOKEN": token_of(site.app, who.username),
    }


def run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    ran = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, ""), ran
    return ran.stdout


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    found = str(request.param)
    if not is_there(found):
        sentence = f"Nothing runs {found} here, so its examples were not run."
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(sentence)
    return found


def test_sign_in_gives_two_tokens(printed: Printed, language: str) -> None:
    first, second = re.findall(JWT, printed(language, "sign_in"))

    assert first != second


def test_reading_oneself_names_the_person(printed: Printed, language: str) -> None:
    assert re.search(r"\bpriya\d+\b", printed(language, "me"))


def test_a_task_is_watched_until_it_has_succeeded(printed: Printed, language: str) -> None:
    [line] = printed(language, "task").splitlines()

    assert "succeeded" in line
    assert re.search(r"sum\W+210\b", line)


def test_the_same_key_makes_one_task(printed: Printed, language: str) -> None:
    first, second = re.findall(r"[0-9a-f-]{32,36}", printed(language, "create"))

    assert first == second


def test_every_page_of_a_list_is_read(printed: Printed, language: str) -> None:
    assert re.findall(r"\b(free|pro)\b", printed(language, "list")) == ["free", "pro"]
