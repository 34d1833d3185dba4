"""The command that starts the consumer."""

import socket
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from urllib.parse import urlsplit

import click
from flask import current_app
from flask.cli import with_appcontext

from app.config import Settings
from app.extensions import db
from app.jobs.schedules import next_turn
from app.jobs.workers import Worker
from app.tasks import TASKS, Task
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
    for line in introduction(current_app.config["SETTINGS"]):
        click.echo(line)
    work_until_told(current_app._get_current_object())  # type: ignore[attr-defined]


def introduction(settings: Settings) -> Iterator[str]:
    """What this worker will run, and how. Asks nobody: it starts without database or queue."""
    times = f"lease {settings.job_lease_seconds} s, grace time {settings.shutdown_grace_seconds} s"
    yield f"Queue      {place_of_queue(settings)}"
    yield f"Threads    {settings.worker_threads} (WORKER_THREADS), {times}"
    for name, kinds in groupby(sorted(TASKS.values(), key=by_queue), lambda kind: kind.queue):
        yield f"Runs       {name}: {', '.join(kind.name for kind in kinds)}"
    for kind in [kind for kind in TASKS.values() if kind.schedule]:
        due = f"{next_turn(kind.schedule):%Y-%m-%d %H:%M} UTC"
        yield f"Schedule   {kind.name}: {kind.schedule}, next {due}"


def by_queue(kind: Task) -> tuple[str, str]:
    return kind.queue, kind.name


def place_of_queue(settings: Settings) -> str:
    """The address without whatever is secret in it, or the file."""
    if settings.redis_queue_url is None:
        return f"the file {settings.queue_path}"
    parts = urlsplit(settings.redis_queue_url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def tell_whether_at_work() -> None:
    """Exit code 0 when a worker of this machine was heard of lately, 1 when none was."""
    here = Worker.online().where(Worker.host == socket.gethostname()[:100])
    if not db.session.scalars(here.limit(1)).all():
        raise click.ClickException("No worker is at work on this machine.")
    click.echo("A worker is at work on this machine.")
