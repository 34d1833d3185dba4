"""The command that lets somebody in again who lost every second factor."""

import click
from flask.cli import with_appcontext

from app.auth.second_factors import take_factors
from app.errors import Refused
from app.extensions import db
from app.users.models import User


@click.command("remove-factors")
@click.argument("username")
@with_appcontext
def remove_factors(username: str) -> None:
    """Remove the second factors of USERNAME, sign them out everywhere and tell them by mail."""
    user = db.session.scalar(User.by_username(username))
    if user is None:
        raise click.ClickException(f"There is no user named {username!r}.")
    try:
        take_factors(user)
    except Refused as refused:
        raise click.ClickException(str(refused)) from None
    click.echo(f"The second factors of {username} are removed; the password alone lets in now")
