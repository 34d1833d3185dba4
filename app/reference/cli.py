"""The command that prints the document of the API, and says whether docs/openapi.json is true."""

import click
from flask import current_app
from flask.cli import with_appcontext

from app.openapi import document
from app.reference.published import SNAPSHOT, as_text, is_snapshot

OUTDATED = (
    "docs/openapi.json does not say what the API does. Run ./dev flask openapi > docs/openapi.json"
    " and read what changed in it: clients rely on it."
)


@click.command("openapi")
@click.option("--check", is_flag=True, help="Only say whether docs/openapi.json is up to date.")
@with_appcontext
def openapi(check: bool) -> None:
    """Print the document of the API (OpenAPI 3.1)."""
    known = document(current_app._get_current_object())  # type: ignore[attr-defined]
    if not check:
        click.echo(as_text(known), nl=False)
        return
    if not SNAPSHOT.is_file() or not is_snapshot(known, SNAPSHOT.read_text("utf-8")):
        raise click.ClickException(OUTDATED)
    click.echo("docs/openapi.json is up to date.")
