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
