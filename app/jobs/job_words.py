"""Jobs as the command line writes and reads them."""

import json
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import click

from app.audit.trail import printable
from app.jobs.models import Job, JobLog
from app.words import iso

UNITS = {"d": "days", "h": "hours", "m": "minutes"}
HEAD = ("ID", "STATUS", "TASK", "OWNER", "TRY", "ASKED FOR (UTC)", "NAME")
WIDTHS = (8, 9, 18, 12, 5, 16, 20)  # with two spaces between them a hundred columns


class Age(click.ParamType[timedelta]):
    """A time as "30d", "12h" or "90m"."""

    name = "age"

    def convert(self, value: Any, param: Any, ctx: Any) -> timedelta:
        found = re.fullmatch(r"(\d{1,5})([dhm])", str(value).strip())
        if not found:
            self.fail("Enter a number with d, h or m, such as 30d.", param, ctx)
        return timedelta(**{UNITS[found[2]]: int(found[1])})


def as_row(job: Job | None) -> str:
    """A line of the table; its head for None."""
    cells = HEAD if job is None else cells_of(job)
    fitted = (cut(cell, width).ljust(width) for cell, width in zip(cells, WIDTHS, strict=True))
    return "  ".join(fitted).rstrip()


def cells_of(job: Job) -> tuple[str, ...]:
    owner = job.owner.username if job.owner else "-"
    tries, asked = f"{job.attempt}/{job.attempts}", f"{job.created_at:%Y-%m-%d %H:%M}"
    return job.id[:8], job.status, job.task, owner, tries, asked, job.name


def cut(text: str, width: int) -> str:
    """As much as fits; a sign says that there is more.

    Names are written by people, so nothing in them may move the cursor.
    """
    plain = printable(text, width + 1)
    return plain if len(plain) <= width else plain[: width - 1] + "…"


def as_text(job: Job, lines: Sequence[JobLog]) -> str:
    """All there is to know, for somebody to read."""
    facts = [f"{name:<10}  {printable(value, 500)}" for name, value in facts_of(job) if value]
    log = [f"{line.at:%Y-%m-%d %H:%M:%S}  {printable(line.text, 500)}" for line in lines]
    details = [printable(line, 500) for line in (job.details or "").splitlines()]
    told = [*facts, "", "Log, in UTC", *log]
    return "\n".join([*told, "", "Technical details", *details] if details else told)


def facts_of(job: Job) -> list[tuple[str, str]]:
    stopping = ", asked to stop" if job.is_open and job.stop_asked else ""
    return [
        ("ID", job.id),
        ("Task", f"{job.kind} ({job.task})"),
        ("Name", job.name),
        ("Owner", job.owner.username if job.owner else "nobody"),
        ("Status", f"{job.status}{stopping}, try {job.attempt} of {job.attempts}"),
        ("Progress", "" if job.progress is None else f"{job.progress} % {job.message}".strip()),
        ("Queue", f"{job.queue}, priority {job.priority}"),
        ("Asked for", said(job.created_at)),
        ("Due", said(job.run_at) if job.is_open else ""),
        ("Started", said(job.started_at)),
        ("Ended", said(job.finished_at)),
        ("Arguments", json.dumps(job.arguments) if job.arguments else ""),
        ("Result", "" if job.result is None else json.dumps(job.result)),
        ("File", job.file_name or ""),
        ("Error", job.error or ""),
    ]


def said(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else ""


def as_dict(job: Job, lines: Sequence[JobLog] | None = None) -> dict[str, Any]:
    """For programs; with ``lines`` also what a list leaves out."""
    plain = ("id", "task", "name", "status", "attempt", "attempts", "queue", "priority")
    times = ("created_at", "run_at", "started_at", "finished_at")
    told = {name: getattr(job, name) for name in (*plain, "progress", "stop_asked", "error")}
    told["owner"] = job.owner.username if job.owner else None
    told |= {name: iso(at) if (at := getattr(job, name)) else None for name in times}
    if lines is None:
        return told
    log = [{"at": iso(line.at), "text": line.text} for line in lines]
    large = {name: getattr(job, name) for name in ("arguments", "result", "file_name", "details")}
    return {**told, **large, "log": log}
