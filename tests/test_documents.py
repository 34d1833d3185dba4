"""Documents stay true: what they name is there, what they count adds up."""

import re
from collections import Counter

import pytest

from app.config import PROJECT_ROOT

DOCUMENTS = sorted(
    path.relative_to(PROJECT_ROOT).as_posix()
    for path in (*PROJECT_ROOT.glob("*.md"), *PROJECT_ROOT.glob("docs/**/*.md"))
    if path.name != "CHANGELOG.md"
)
NAMED = re.compile(
    r"`((?:app|benchmarks|docs|migrations|scripts|static|templates|tests)/[\w./-]+)`"
)
LINKED = re.compile(r"\]\((?!https?:|mailto:|#)([^)#]+)[^)]*\)")
MADE = ("static/build", "static/vendor")  # by set-up


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_a_document_names_is_there(name: str) -> None:
    document = PROJECT_ROOT / name
    text = document.read_text()
    paths = [PROJECT_ROOT / path for path in NAMED.findall(text) if not path.startswith(MADE)]
    paths += [document.parent / path for path in LINKED.findall(text)]

    assert [str(path) for path in paths if not path.exists()] == []


def test_the_table_of_requirements_is_whole_and_adds_up() -> None:
    text = (PROJECT_ROOT / "docs" / "security.md").read_text()
    rows = re.findall(
        r"^\| (\d+\.\d+\.\d+) \| ([12]) \| [^|]+ \| ([a-z ]+) \| [^|]+ \|$", text, re.M
    )
    counts = Counter(here for _, _, here in rows)
    summed = re.search(r"Together (\d+): (\d+) met, (\d+) partly, (\d+) not met, (\d+) not", text)

    assert len(rows) == len({number for number, _, _ in rows}) == 253
    assert Counter(level for _, level, _ in rows) == {"1": 70, "2": 183}
    assert summed
    kinds = ("met", "partly", "not met", "not applicable")
    assert [int(each) for each in summed.groups()] == [253, *(counts[kind] for kind in kinds)]


ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \|(?: [12] \|)? [^|]+ \| met \| ([^|]+) \|$", re.M)
STATEMENT = re.compile(r"\bD(?:[1-9]|1[0-9]|2[01])\b")
QUOTED = re.compile(r"`([\w.-]+/[\w./-]+|[\w-]+\.\w+)`")


def test_what_is_judged_met_says_where_to_see_it() -> None:
    rows = ROW.findall((PROJECT_ROOT / "docs" / "security.md").read_text())
    assert len(rows) > 150

    vague = [number for number, where in rows if not is_shown(where)]

    assert vague == []


def is_shown(where: str) -> bool:
    """Whether it names a file or folder of ours, or one of the statements D1 to D21."""
    there = any((PROJECT_ROOT / path).exists() for path in QUOTED.findall(where))
    return there or STATEMENT.search(where) is not None


def test_nothing_in_the_documents_waits_to_be_verified() -> None:
    documents = (PROJECT_ROOT / "docs").rglob("*.md")

    assert [each.name for each in documents if "to be verified" in each.read_text().lower()] == []
