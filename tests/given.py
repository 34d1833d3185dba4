"""What features that wire themselves bring to the tests of every door, in their ``given.py``: which
doors are open to whoever is signed in (``OWN``), what gets their forms past the first fields
(``GOOD``), and things for their doors to be about (``give``)."""

from importlib import import_module
from pathlib import Path
from typing import Any

from flask import Flask

PARTS: list[Any] = [
    import_module(f"tests.{path.parent.name}.given")
    for path in sorted(Path(__file__).parent.glob("*/given.py"))
]
OWN: set[str] = set().union(*(part.OWN for part in PARTS))
GOOD: dict[str, str] = {name: value for part in PARTS for name, value in part.GOOD.items()}


def give(app: Flask) -> None:
    for part in PARTS:
        part.give(app)
