"""The command that starts the consumer."""

import socket
from functools import partial

import click
from flask import current_app
from flask.cli import with_appcontext

from app.extensions import db
from app.jobs.workers import Worker
from app.tasks import TASKS
from app.tiers.checks import warn


@click.command("worker")
@click.option(
    "--check", is_flag=True, help="Only tell whether a worker is at work on this machine."
)
@with_appcontext
def worker(check: bool) -> None:
    """Run tasks until stopped. SIGTERM lets what is running finish within the grace time."""
    if check:
        tell_whether_at_work()
        return
    from app.jobs.worker import work_until_told

    warn(partial(click.echo, err=True))
    click.echo(f"Worker runs: {', '.join(sorted(TASKS))}")
    work_until_told(current_app._get_current_object())  # type: ignore[attr-defined]


def tell_whether_at_work() -> None:
    """Exit code 0 when a worker of this machine was heard of lately, 1 when none was."""
    here = Worker.online().where(Worker.host == socket.gethostname()[:100])
    if not db.session.scalars(here.limit(1)).all():
        raise click.ClickException("No worker is at work on this machine.")
    click.echo("A worker is at work on this machine.")
