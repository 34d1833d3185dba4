"""What the commands of every feature share: a group that two have, and reading by a rule."""

from typing import Any

import click
from flask.cli import AppGroup
from pydantic import TypeAdapter, ValidationError

from app.forms import sentence_of

limits_commands = AppGroup(
    "limits", help="List, set, explain and check limits; write them to a file and read it."
)


def follow(rule: Any, value: str, what: str) -> Any:
    """``value`` as ``rule`` reads it, or an error that names ``what`` (exit code 2)."""
    try:
        return TypeAdapter(rule).validate_python(value)
    except ValidationError as error:
        raise click.BadParameter(f"{sentence_of(error)}.", param_hint=what) from None
