"""The command that starts the consumer."""

import click
from flask import current_app
from flask.cli import with_appcontext

from app.tasks import TASKS


@click.command("worker")
@with_appcontext
def worker() -> None:
    """Run tasks until stopped. SIGTERM lets what is running finish within the grace time."""
    from app.jobs.worker import work_until_told

    click.echo(f"Worker runs: {', '.join(sorted(TASKS))}")
    work_until_told(current_app._get_current_object())  # type: ignore[attr-defined]
