"""Commands for operators: everybody's jobs listed, shown, tried again, stopped and removed."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import defer, joinedload, lazyload

from app.audit.trail import record
from app.database import now
from app.extensions import db
from app.jobs.bulk import CANCEL, RETRY, Deed, keep, on_record
from app.jobs.job_words import Age, as_dict, as_row, as_text
from app.jobs.models import AGAIN, OPEN, STATUSES, Job, JobLog
from app.users.models import User
from app.words import count

ENDED = tuple(status for status in STATUSES if status not in OPEN)
AT_ONCE = 500
CANDIDATES = 10
BY = "the command line"
LARGE = (Job.arguments, Job.result, Job.details, Job.steps)
SAY_WHICH = "Say which jobs: their IDs, or --all with a --status."

jobs_commands = AppGroup("jobs", help="List jobs, show one, try them again, stop or remove them.")

yes = click.option("--yes", is_flag=True, help="Do it without asking.")
of_task = click.option("--task", default="", help="Only this kind of work, such as export_users.")


def matching(statuses: Sequence[str], task: str = "", before: datetime | None = None) -> list[Any]:
    """The conditions of those in one of the states, of a kind, that ended before a time."""
    found: list[Any] = [Job.status.in_(statuses)] if statuses else []
    found += [Job.task == task] if task else []
    return found + ([Job.finished_at < before] if before else [])


@jobs_commands.command("list")
@click.option("--status", multiple=True, type=click.Choice(STATUSES), help="Only in this state.")
@of_task
@click.option("--owner", default="", help="Only of this username; - for those of nobody.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def list_jobs(status: tuple[str, ...], task: str, owner: str, limit: int, as_json: bool) -> None:
    """List jobs, newest first."""
    rows = db.session.scalars(newest(matching(status, task) + of_owner(owner)).limit(limit)).all()
    if as_json:
        click.echo(json.dumps([as_dict(job) for job in rows], indent=2))
        return
    if not rows:
        click.echo("No jobs match.")
        return
    for line in as_row(None), *map(as_row, rows):
        click.echo(line)


def newest(where: list[Any]) -> Select[Any]:
    """Each with its owner, without what may be large."""
    owner = joinedload(Job.owner).options(lazyload(User.tier))
    found = select(Job).options(owner, *(defer(column) for column in LARGE))
    return found.where(*where).order_by(Job.created_at.desc(), Job.id)


def of_owner(username: str) -> list[Any]:
    if username in ("", "-"):
        return [Job.owner_id.is_(None)] if username else []
    user = db.session.scalar(User.any_by_username(username))
    if user is None:
        raise click.ClickException(f"There is no user named {username!r}.")
    return [Job.owner_id == user.id]


@jobs_commands.command("show")
@click.argument("identifier", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def show_job(identifier: str, as_json: bool) -> None:
    """Show the job ID with its log, its error and technical details.

    The first signs of an ID are enough where no other begins with them.
    """
    job = job_named(identifier)
    lines = db.session.scalars(JobLog.of(job)).all()[::-1]
    click.echo(json.dumps(as_dict(job, lines), indent=2) if as_json else as_text(job, lines))


def job_named(text: str) -> Job:
    """The job whose id is, or alone begins with, ``text``; else the command ends and says why."""
    begins = Job.id.startswith(text.strip().lower(), autoescape=True)
    found = db.session.scalars(newest([begins]).limit(CANDIDATES + 1)).all()
    if not found:
        raise click.ClickException(f"There is no job whose ID begins with {text!r}.")
    if len(found) > 1:
        lines = "\n".join(as_row(job) for job in found[:CANDIDATES])
        more = "\n…" if len(found) > CANDIDATES else ""
        raise click.ClickException(f"More than one ID begins with {text!r}:\n{lines}{more}")
    return found[0]


@jobs_commands.command("retry")
@click.argument("identifiers", nargs=-1, metavar="[ID]...")
@click.option("--all", "every", is_flag=True, help="All that match, instead of IDs.")
@click.option("--status", type=click.Choice(AGAIN), help="Those that ended so.")
@of_task
@yes
def retry_jobs(
    identifiers: tuple[str, ...], every: bool, status: str | None, task: str, yes: bool
) -> None:
    """Queue jobs again that ended without success, with all their tries."""
    which = chosen(identifiers, every, status, task, AGAIN)
    if is_meant("Retry", which, yes):
        done = do_to_all(RETRY, which, in_words(which, status, task))
        click.echo(f"{count(done, 'job')} queued again.")


@jobs_commands.command("cancel")
@click.argument("identifiers", nargs=-1, metavar="[ID]...")
@click.option("--all", "every", is_flag=True, help="All that match, instead of IDs.")
@click.option("--status", type=click.Choice(OPEN), help="Those that wait, or that run.")
@of_task
@yes
def cancel_jobs(
    identifiers: tuple[str, ...], every: bool, status: str | None, task: str, yes: bool
) -> None:
    """Stop jobs: at once where they wait, else when the task reports next."""
    which = chosen(identifiers, every, status, task, OPEN)
    if is_meant("Cancel", which, yes):
        done = do_to_all(CANCEL, which, in_words(which, status, task))
        click.echo(f"{count(done, 'job')} cancelled; what runs stops at its next report.")


def chosen(
    identifiers: tuple[str, ...],
    every: bool,
    status: str | None,
    task: str,
    states: tuple[str, ...],
) -> list[str]:
    """The full ids of what is named or matches. All are looked at before any is changed."""
    if bool(identifiers) == every or every != bool(status):
        raise click.UsageError(SAY_WHICH)
    if status:
        oldest = select(Job.id).where(*matching([status], task)).order_by(Job.created_at)
        return list(db.session.scalars(oldest))
    jobs = [job_named(each) for each in identifiers]
    for job in jobs:
        if job.status not in states:
            fits = f"Only what is {' or '.join(states)} fits; nothing was changed."
            raise click.ClickException(f"{job.id[:8]} is {job.status}. {fits}")
    return list(dict.fromkeys(job.id for job in jobs))


def is_meant(verb: str, which: list[str], yes: bool) -> bool:
    """Ask about several, unless told not to; ends the command when they are not meant."""
    if not which:
        click.echo("No jobs match.")
        return False
    if not yes and len(which) > 1:
        click.confirm(f"{verb} {count(len(which), 'job')}?", abort=True)
    return True


def in_words(which: list[str], status: str | None, task: str) -> str:
    """Which ones, for the trail: "6 failed jobs of export_users", "1 job: 5f2c81aa"."""
    if status:
        kind = f" of {task}" if task else ""
        return f"{count(len(which), f'{status} job')}{kind}"
    return f"{count(len(which), 'job')}: {', '.join(each[:8] for each in which)}"


def do_to_all(deed: Deed, which: list[str], detail: str) -> int:
    """How many it was done to: on record first, then a batch at a time, each kept by itself."""
    on_record(deed, detail)
    db.session.commit()
    batches = (which[first : first + AT_ONCE] for first in range(0, len(which), AT_ONCE))
    return sum(keep(deed, batch, BY) for batch in batches)


@jobs_commands.command("purge")
@click.option("--older-than", "age", type=Age(), help="Only what ended so long ago: 30d, 12h, 90m.")
@click.option("--status", multiple=True, type=click.Choice(ENDED), help="Only what ended so.")
@of_task
@yes
def purge_jobs(age: timedelta | None, status: tuple[str, ...], task: str, yes: bool) -> None:
    """Remove ended jobs at once, with their logs and files. They cannot be brought back.

    Without this they are removed when JOB_RESULT_DAYS are over.
    """
    if age is None and not status:
        raise click.UsageError("Say what to remove: --older-than 30d, --status succeeded, or both.")
    where = matching(status or ENDED, task, now() - (age or timedelta()))
    total = db.session.scalar(select(func.count()).select_from(Job).where(*where)) or 0
    if not total:
        click.echo("No jobs match.")
        return
    if not yes:
        click.confirm(f"Remove {count(total, 'job')} for good?", abort=True)
    record("jobs.purged", detail=count(total, "ended job"))
    click.echo(f"{count(purge(where), 'job')} removed.")


def purge(where: list[Any]) -> int:
    """Remove a few hundred at a time, so that nobody waits for long; how many there were."""
    removed = 0
    while some := db.session.scalars(select(Job.id).where(*where).limit(AT_ONCE)).all():
        gone: Any = db.session.execute(delete(Job).where(Job.id.in_(some), *where))
        db.session.commit()
        removed += gone.rowcount
    return removed
