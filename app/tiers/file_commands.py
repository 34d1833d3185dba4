"""Commands for a deploy: limits written to a file, and a file's limits brought into force."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import click
from sqlalchemy.exc import OperationalError

from app.commands import limits_commands
from app.errors import Refused, Stale, Taken, answering
from app.extensions import db
from app.tiers.files import read, write
from app.tiers.plain_yaml import LARGEST_BYTES, Unreadable
from app.tiers.plans import Plan, compare, hold_still, saved_tiers
from app.words import count

DIFFERS = 3  # 1 is an error, 2 a command that was typed wrong
OVERTAKEN = "Somebody else changed tiers or limits meanwhile. Nothing was changed. Try again."
BUSY = "The database did not answer in time. Nothing was changed. Try again."


@limits_commands.command("export")
@click.argument("file", type=click.File("w", encoding="utf-8", atomic=True), default="-")
def export_limits(file: TextIO) -> None:
    """Write every tier with its limits to FILE, or to the terminal, as YAML.

    The same limits always give the same file, and importing it again changes nothing.
    """
    text = write(saved_tiers())
    try:
        file.write(text)
    except OSError as error:
        raise click.ClickException(f"The file cannot be written: {error.strerror}.") from None


@limits_commands.command("import")
@click.argument("file")
@click.option("--apply", is_flag=True, help="Make the changes, all of them or none.")
@click.option("--prune", is_flag=True, help="Also delete the tiers that FILE does not name.")
def import_limits(file: str, apply: bool, prune: bool) -> None:
    """Tell what FILE would change, and change nothing unless --apply is given.

    FILE is as "limits export" writes it; - reads from the terminal. A tier that it names gets
    exactly the limits that it lists.

    Exit codes: 0 when nothing differs or all is applied; 3 when something differs and --apply is
    not given; 1 when the file cannot be applied.
    """
    with refusals_of(file):
        draft = read(content_of(file))
        if apply:
            hold_still()
        plan = compare(draft, prune)
        if apply:
            bring_about(plan)
    tell(plan, apply)


def bring_about(plan: Plan) -> None:
    """All of it or nothing. Raises Stale or Taken when somebody else was faster."""
    with answering({"name": OVERTAKEN, "route": OVERTAKEN}):
        plan.carry_out()
        db.session.commit()


def content_of(file: str) -> bytes:
    """As much of a file as there may be, and one byte more. Raises Unreadable."""
    try:
        if file == "-":
            return sys.stdin.buffer.read(LARGEST_BYTES + 1)
        with open(file, "rb") as opened:
            return opened.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        raise Unreadable("There is no such file.") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "this is no name of a file"
        raise Unreadable(f"It cannot be read: {why}.") from None


@contextmanager
def refusals_of(file: str) -> Iterator[None]:
    """Whatever stands against a file ends the command with exit code 1, and nothing is changed."""
    try:
        yield
    except Unreadable as wrong:
        name = "the input" if file == "-" else click.format_filename(file)
        lines = "\n".join(f"  {problem}" for problem in wrong.problems)
        raise click.ClickException(f"Nothing was changed by {name}:\n{lines}") from None
    except (Stale, Taken):
        raise click.ClickException(OVERTAKEN) from None
    except Refused as refused:
        raise click.ClickException(f"Nothing was changed: {refused}") from None
    except OperationalError:
        raise click.ClickException(BUSY) from None


def tell(plan: Plan, applied: bool) -> None:
    for line in plan.lines:
        click.echo(line)
    for name in plan.left_alone:
        click.echo(f"  {name}: not in the file, left alone")
    if not plan.lines:
        click.echo("Nothing differs.")
    elif applied:
        click.echo(f"Applied {count(len(plan.lines), 'change')}, from the next request.")
    else:
        differ = count(len(plan.lines), "change")
        click.echo(f"{differ} to make; nothing is changed yet. To make it so: add --apply")
        raise click.exceptions.Exit(DIFFERS)
