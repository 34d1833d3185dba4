"""A command for developers: people in any number."""

from time import monotonic

import click
from flask import current_app
from flask.cli import with_appcontext

from app.users import seeding
from app.words import count, number


@click.command("seed")
@click.option("--users", required=True, type=click.IntRange(1, 20_000_000), help="How many to add.")
@with_appcontext
def seed(users: int) -> None:
    """Add plausible people without passwords, to see what many of them do.

    Refused in production.
    """
    if current_app.config["ENVIRONMENT"] == "production":
        raise click.ClickException("This is production: it has people of its own.")
    began = monotonic()
    with click.progressbar(length=users, label="Adding people") as bar:
        seeding.seed(users, lambda done: bar.update(done - bar.pos))
    seconds = max(monotonic() - began, 0.001)
    click.echo(
        f"Added {count(users, 'user')} in {seconds:.1f} s, {number(int(users / seconds))} a second."
    )
