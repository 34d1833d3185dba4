"""The trail says only what it knows how to say, and whatever it can say somebody records."""

import re

import pytest
from flask import Flask

from app.audit.actions import ACTIONS, GROUPS, codes_of
from app.audit.trail import record
from app.config import PROJECT_ROOT
from app.extensions import db
from tests.audit.kept import kept

SOURCES = "\n".join(path.read_text() for path in (PROJECT_ROOT / "app").rglob("*.py"))
RECORDED = set(re.findall(r'\brecord\(\s*"([^"]+)"', SOURCES))


@pytest.mark.parametrize("code", ACTIONS)
def test_every_code_is_recorded_somewhere(code: str) -> None:
    assert code in RECORDED


def test_whatever_is_recorded_is_in_the_vocabulary() -> None:
    assert set(ACTIONS) >= RECORDED


def test_every_group_has_codes_and_every_code_a_group() -> None:
    assert all(codes_of(group) for group in GROUPS)
    assert {group for group, _ in ACTIONS.values()} == set(GROUPS)


def test_an_unknown_code_is_refused(app: Flask) -> None:
    with app.app_context(), pytest.raises(ValueError, match=r"'dance' is not in the trail"):
        record("dance")

    assert kept(app) == []


def test_values_that_could_forge_an_entry_are_kept_on_one_line(app: Flask) -> None:
    with app.app_context():
        record("account.changed", changes={"name": ("a\nb", "c\x00d"), "age": (1, 1)})
        db.session.commit()

    assert kept(app)[0].changes == {"name": ["a b", "c d"]}
