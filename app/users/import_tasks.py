"""Adding people from a file, all or none of them, and mailing each an invitation."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from tempfile import TemporaryFile

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.audit.models import Subject
from app.database import now
from app.extensions import db
from app.mail.sending import has_mail
from app.tasks import Cancelled, Report, Running, TaskFailed, task
from app.users import importing
from app.users.askers import operator
from app.users.importing import Check, Kept, Problem
from app.users.mail_tasks import mail_invitation
from app.users.models import User
from app.users.people_file import PeopleFile, Unreadable
from app.users.sheets import as_csv, harmless

CHECK, ADD = "Check every row", "Add the people"
REPORT = "problems.csv"
SHOWN = 50  # of the problems, on the page
MAILS_AT_ONCE = 100
TRIES = 3


@task("Users import", steps=(CHECK, ADD), operators_only=True, by_hand=False)
def import_users(
    job: Running, by: int, site: str, rows: int, check: bool = False
) -> dict[str, int | str]:
    """Add the people in the job's file, or none of them and a report; with ``check`` only that.

    They come in one transaction with the success: a try that is cut off leaves nobody behind.
    """
    actor = operator(by)
    for _ in range(TRIES):
        job.step(CHECK)
        with TemporaryFile("w+") as aside:
            people = Kept(aside)
            ignored = look_at_all(job, people, rows)
            told = {"ignored columns": ", ".join(ignored)} if ignored else {}
            if check:
                return {"rows in order": people.total, "imported": 0, **told}
            try:
                return {"imported": people.total, "invited": add(job, people, actor, site), **told}
            except IntegrityError:  # somebody took a name meanwhile: the next look tells which
                db.session.rollback()
    raise TaskFailed("Somebody else adds the same people right now. Nothing was imported.")


def look_at_all(job: Running, people: Kept, rows: int) -> list[str]:
    """Put aside who is in order. Raises TaskFailed, with a report, if anybody is not.

    Returns the columns that were not looked at.
    """
    wrong, seen = Wrong(job), 0
    with readable():
        file = PeopleFile(job.read())
        check = Check(file.columns)
        for batch in importing.batched(file.rows()):
            for person, problems in check.look(batch):
                if person is not None:
                    people.put(person)
                wrong.add(problems)
            seen += len(batch)
            job.progress(min(99, seen * 50 // max(1, rows)), f"{seen:,} rows checked")
    wrong.tell(seen)
    return file.ignored


@contextmanager
def readable() -> Iterator[None]:
    """What cannot be read as a whole was refused when it was sent; say so all the same."""
    try:
        yield
    except Unreadable as error:
        raise TaskFailed(f"{str(error).rstrip('.')}. Nothing was imported.") from None


class Wrong:
    """Writes what is wrong into the job's file, and keeps the first of it for the page."""

    def __init__(self, job: Running) -> None:
        self._job = job
        self._untold: list[Problem] = []
        self._first: list[Problem] = []
        self._rows = 0
        self._total = 0

    def add(self, problems: list[Problem]) -> None:
        """All that is wrong with one row."""
        self._rows += bool(problems)
        self._total += len(problems)
        self._first += problems[: SHOWN - len(self._first)]
        self._untold += problems
        if len(self._untold) >= importing.BATCH:
            self._write()

    def tell(self, seen: int) -> None:
        """Raise TaskFailed if anything was wrong with the rows that were seen."""
        if not self._rows:
            return
        self._write()
        are = "is" if self._rows == 1 else "are"
        sentence = f"{self._rows:,} of {seen:,} rows {are} wrong; nothing was imported."
        columns = ("Line", "Column", "Problem")
        raise TaskFailed(sentence, Report(columns, tuple(self._first), self._total))

    def _write(self) -> None:
        head = [("line", "column", "problem")] if self._total == len(self._untold) else []
        rows = [(line, field, harmless(text)) for line, field, text in self._untold]
        self._job.write(REPORT, as_csv([*head, *rows]))
        self._untold = []


def add(job: Running, people: Kept, actor: Subject, site: str) -> int:
    """Add everybody, and ask for their invitations; returns how many of these there are.

    From the first one on others wait on SQLite, so nothing is looked at any more.
    """
    job.step(ADD)
    moment, first, last, done = now(), 0, 0, 0
    for ids in importing.add_all(people, actor, f"task {job.id}", moment):
        if job.cancelled:
            raise Cancelled
        first, last, done = first or ids[0], ids[-1], done + len(ids)
        job.progress(50 + done * 49 // people.total, f"{done:,} of {people.total:,} people added")
    if not has_mail():
        return 0
    invite_imported.enqueue(made=moment, after=first - 1, last=last, site=site)
    return done


@task("Invitations to imported users", operators_only=True, by_hand=False, queue="mail")
def invite_imported(_job: Running, made: datetime, after: int, last: int, site: str) -> int:
    """Ask for the mails to the next of those who came at that moment, and for the ones after them.

    A hundred at a time, each with its success: nobody gets two, and nobody waits for long.
    """
    theirs = (User.created_at == made, User.id > after, User.id <= last)
    ids = db.session.scalars(
        select(User.id).where(*theirs).order_by(User.id).limit(MAILS_AT_ONCE)
    ).all()
    for identifier in ids:
        mail_invitation.enqueue(user_id=identifier, site=site)
    if len(ids) == MAILS_AT_ONCE:
        invite_imported.enqueue(made=made, after=ids[-1], last=last, site=site)
    return len(ids)
