"""Kinds of work that misbehave, declared for one test at a time."""

from collections.abc import Callable
from typing import Any

import pytest

from app.tasks import TASKS, Task

Declare = Callable[..., str]


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Declare:
    """``declare(function)`` lets jobs run the function for this test; returns the task's name."""

    def add(function: Callable[..., Any], **options: Any) -> str:
        name = function.__name__
        shape = {"steps": (), "operators_only": False, "attempts": None, **options}
        monkeypatch.setitem(TASKS, name, Task(name, name.capitalize(), function, **shape))
        return name

    return add
