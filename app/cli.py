"""Commands that belong to no feature: making a database ready."""

import click
from flask import current_app
from flask.cli import with_appcontext

from app.config import InvalidSettings


@click.command("prepare")
@with_appcontext
def prepare() -> None:
    """Migrate the database, and make the first tier and the first admin if there are none.

    Safe to run again and again, and from a deploy step.
    """
    from app.prepare import prepare as make_ready

    try:
        make_ready(current_app._get_current_object(), click.echo)  # type: ignore[attr-defined]
    except InvalidSettings as problems:
        raise click.ClickException(str(problems)) from None
