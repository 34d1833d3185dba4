"""Operators bring people in from a CSV file: all of them, or none and a list of what is wrong."""

import csv
import io
import threading
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from app.database import now
from app.extensions import db
from app.jobs import engine
from app.jobs.models import Job, JobChunk
from app.jobs.sweep import sweep
from app.mail.models import Mail
from app.users import import_pages, import_tasks, importing, people_file
from app.users.import_tasks import import_users
from app.users.models import User
from tests.audit.kept import kept
from tests.jobs.deeds import change as change_job
from tests.jobs.deeds import look, start, work_off
from tests.people import Browser
from tests.users.saved import add, change, everything, exists, saved

HEAD = "name,username,email,tier\r\n"
AMARA = "Amara Okafor,amara,amara@example.com,pro\r\n"
WEI = "Wei Zhang,wei,wei@example.com,\r\n"
PEOPLE = HEAD + AMARA + WEI


def send(browser: Browser, text: str | bytes, name: str = "p.csv", **fields: str) -> TestResponse:
    data = text.encode() if isinstance(text, str) else text
    return browser.post("/users/import-csv", {"file": (io.BytesIO(data), name), **fields})


def imported(app: Flask, browser: Browser, text: str | bytes, **fields: str) -> Job:
    """The job once all that waits is done."""
    answer = send(browser, text, **fields)
    assert answer.status_code == 303, answer.text
    work_off(app)
    return look(app, answer.location.rpartition("/")[2])


def wrong(app: Flask, browser: Browser, text: str) -> list[list[Any]]:
    """What the report says of a file of which nothing was imported."""
    before = people(app)
    job = imported(app, browser, text)
    assert (job.status, people(app)) == ("failed", before)
    assert job.report
    return list(job.report["rows"])


def people(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(User)) or 0


def test_the_list_leads_to_the_form_and_an_example(app: Flask, alice: Browser) -> None:
    assert 'href="/users/import-csv"' in alice.get("/users").text
    page = alice.get("/users/import-csv").text
    assert 'enctype="multipart/form-data"' in page
    example = alice.get("/users/import-csv/example")

    assert example.headers["Content-Disposition"] == "attachment; filename=people.csv"
    assert imported(app, alice, example.data).result == {"imported": 2, "invited": 2}


def test_everybody_in_the_file_is_added_and_invited(app: Flask, alice: Browser) -> None:
    job = imported(app, alice, PEOPLE)

    assert (job.status, job.result) == ("succeeded", {"imported": 2, "invited": 2})
    assert job.title == "Import of p.csv"
    amara, wei = saved(app, "amara"), saved(app, "wei")
    assert (amara.name, amara.email, amara.state) == (
        "Amara Okafor",
        "amara@example.com",
        "invited",
    )
    assert (amara.tier and amara.tier.name, wei.tier) == ("pro", None)
    assert (amara.version, amara.is_superuser, amara.email_confirmed_at) == (1, False, None)
    with app.app_context():
        mails = db.session.scalars(select(Mail).order_by(Mail.id)).all()
        assert [mail.to for mail in mails] == ["amara@example.com", "wei@example.com"]
    link = mails[0].text.partition("http://localhost")[2].split()[0]
    assert "Amara Okafor" in Browser(app).get(link).text


def test_each_is_on_record_as_added_by_who_asked(app: Flask, alice: Browser) -> None:
    job = imported(app, alice, PEOPLE)

    events = kept(app, "account.created")
    assert [(each.actor_name, each.subject_name, each.changes) for each in events] == [
        ("Alice Archer", "Amara Okafor", {"tier": [None, "pro"]}),
        ("Alice Archer", "Wei Zhang", {}),
    ]
    assert {each.detail for each in events} == {f"task {job.id}"}
    assert events[0].subject_id == saved(app, "amara").id


def test_without_mail_nobody_is_invited(app: Flask, alice: Browser, without_mail: None) -> None:
    assert imported(app, alice, PEOPLE).result == {"imported": 2, "invited": 0}


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + PEOPLE,
        PEOPLE.replace(",", ";"),
        PEOPLE.replace("\r\n", "\n"),
        PEOPLE.replace("\r\n", "\r"),
        PEOPLE.rstrip() + "\r\n\r\n,,,\r\n",
        'Email,TIER, name ,Username\n"amara@example.com",Pro,"Amara\nOkafor",amara\n'
        "wei@example.com,,Wei Zhang,wei\n",
    ],
)
def test_files_of_all_sorts_are_read(app: Flask, alice: Browser, text: str) -> None:
    assert imported(app, alice, text).result == {"imported": 2, "invited": 2}
    amara = saved(app, "amara")
    assert (amara.name, amara.tier and amara.tier.name) == ("Amara Okafor", "pro")


def test_without_a_tier_column_people_begin_where_others_do(app: Flask, alice: Browser) -> None:
    imported(app, alice, "name,username,email\nWei Zhang,wei,wei@example.com\n")

    tier = saved(app, "wei").tier
    assert tier
    assert tier.name == "free"


def test_an_export_can_be_imported_elsewhere(app: Flask, alice: Browser) -> None:
    odd = add(app, "odd", "'=1+1", tier="pro")
    change(app, "mallory", name="=cmd()")
    identifier = start(app, "export_users", "alice")
    work_off(app)
    file = alice.get(f"/tasks/{identifier}/file").data
    with app.app_context():
        for user in db.session.scalars(select(User).where(User.username != "alice")).unique():
            user.deleted_at = now()
        db.session.commit()
    file = file.replace(b"alice", b"alicia")

    job = imported(app, alice, file)

    assert job.result == {
        "imported": 5,
        "invited": 5,
        "ignored columns": "id, state, joined, last_seen",
    }
    again = saved(app, "odd")
    assert (again.name, again.email, again.tier and again.tier.name) == (odd.name, odd.email, "pro")
    assert again.id != odd.id
    assert saved(app, "mallory").name == "=cmd()"


def test_whatever_is_wrong_is_told_by_line_and_nothing_is_imported(
    app: Flask, alice: Browser
) -> None:
    text = (
        "name,username,email,tier\n"  # 1
        'Amara Okafor,amara,"amara@example.com",pro\n'  # 2
        '"A\nB",Bob!,no address,free\n'  # 3 and 4
        "\n"  # 5
        "Bob Again,bob,bob@example.com,free\n"  # 6
        "Amara Two,amara,two@example.com,pr0\n"  # 7
        "Short,short\n"  # 8
        "=HYPERLINK(1),-x,=1+1,\n"  # 9
    )

    assert wrong(app, alice, text) == [
        [3, "username", "Use 2 to 20 lower-case letters and digits"],
        [3, "email", "Enter an email address like name@example.com"],
        [6, "username", "bob is taken"],
        [6, "email", "Another account already has this address"],
        [7, "tier", "There is no tier “pr0”. Did you mean pro?"],
        [7, "username", "Line 2 has the same username"],
        [8, "", "The first line has 4 columns, this row has 2"],
        [9, "username", "Use 2 to 20 lower-case letters and digits"],
        [9, "email", "Enter an email address like name@example.com"],
    ]
    assert not exists(app, "amara")
    assert kept(app) == []


def test_the_job_shows_the_first_problems_and_offers_all_of_them(
    app: Flask, alice: Browser, bob: Browser
) -> None:
    rows = "".join(f"Name {at},user{at},=2+{at},\r\n" for at in range(60))
    job = imported(app, alice, HEAD + rows + AMARA)

    assert job.error == "60 of 61 rows are wrong; nothing was imported."
    page = alice.get(f"/tasks/{job.id}").text
    assert job.error in page
    assert "The first 50 of 60" in page
    assert page.count("Enter an email address like") == 50
    answer = alice.get(f"/tasks/{job.id}/file")
    assert answer.headers["Content-Disposition"] == "attachment; filename=problems.csv"
    told = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert len(told) == 60
    assert told[0] == {
        "line": "2",
        "column": "email",
        "problem": "Enter an email address like name@example.com",
    }
    assert bob.get(f"/tasks/{job.id}").status_code == 404
    assert bob.get(f"/tasks/{job.id}/file").status_code == 404


def test_only_checking_imports_nothing(app: Flask, alice: Browser) -> None:
    job = imported(app, alice, PEOPLE, check="y")

    assert (job.status, job.result) == ("succeeded", {"rows in order": 2, "imported": 0})
    assert job.title == "Check of p.csv"
    assert people(app) == 4


UNREADABLE = (
    (b"", "The file is empty"),
    (b"\xef\xbb\xbf", "The file is empty"),
    (b"\r\n\r\n", "The first line is empty"),
    (HEAD.encode(), "The file has no rows under its first line"),
    (PEOPLE.encode("utf-16"), "The file is not UTF-8 text"),
    (PEOPLE.encode("utf-16-le"), "The file is not UTF-8 text"),
    (PEOPLE.replace("a", "ä").encode("latin-1"), "The file is not UTF-8 text"),
    (PEOPLE.replace("Wei", "W\0i").encode(), "The file is not UTF-8 text"),
    (b"name,username,mail\r\na,b,c", "Unknown column “mail”. Did you mean email?"),
    (b"name,username,email,,\r\na,b,c,,", "Column 4 has no name"),
    (b"name,username,tier\r\na,b,c", "names no column email"),
    (b"name,username,email,name\r\na,b,c,d", "The column name is there twice"),
    (b",".join(b"c%d" % at for at in range(10_000)), "Unknown columns “c0”, “c1”, “c2” and 9"),
    (b",".join([b"name"] * 10_000), "The column name is there twice"),
    (HEAD.encode() + b"x" * 1_000_000, "Line 2: a cell has more than 131,072 characters"),
    (HEAD.encode() + b'"x","y\r\n' * 3, "Line 2: the quotes are not closed properly"),
    (b"x" * (people_file.MOST_BYTES + 1), "The file is larger than 5 MB"),
)


def test_a_file_that_cannot_be_read_is_refused_at_its_field(app: Flask, alice: Browser) -> None:
    before = everything(app)

    for file, sentence in UNREADABLE:
        answer = send(alice, file)
        assert answer.status_code == 422, sentence
        assert sentence in answer.text
        assert 'aria-invalid="true"' in answer.text
        assert len(answer.data) < 30_000

    assert everything(app) == before


def test_too_many_rows_are_refused(
    app: Flask, alice: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people_file, "MOST_ROWS", 1)

    answer = send(alice, PEOPLE)

    assert (answer.status_code, people(app)) == (422, 4)
    assert "The file has more than 1 rows. Split it." in answer.text


def test_without_a_file_the_form_asks_for_one(app: Flask, alice: Browser) -> None:
    for form in ({}, {"file": "text where a file belongs"}):
        answer = alice.post("/users/import-csv", form)
        assert answer.status_code == 422
        assert "Choose a CSV file" in answer.text


def test_an_upload_that_is_far_too_large_is_answered_with_the_form(
    alice: Browser, bob: Browser, stranger: Browser
) -> None:
    large = b"x" * (people_file.MOST_BYTES + import_pages.AROUND)

    answer = send(alice, large)

    assert answer.status_code == 413
    assert "The file is larger than 5 MB. Split it." in answer.text
    for other in (bob, stranger):  # they may send no more than elsewhere
        refused = send(other, large[:2_000_000])
        assert refused.status_code == 413
        assert "Import" not in refused.text


def test_bob_and_strangers_import_nothing(app: Flask, bob: Browser, stranger: Browser) -> None:
    before = everything(app)

    assert send(bob, PEOPLE).status_code == 403
    assert send(stranger, PEOPLE).location.startswith("/sign-in")
    assert bob.post("/tasks", {"task": "import_users"}).status_code == 422
    assert everything(app) == before


def test_who_is_no_operator_any_more_imports_nothing(app: Flask, alice: Browser) -> None:
    answer = send(alice, PEOPLE)
    change(app, "alice", is_superuser=False)

    work_off(app)

    job = look(app, answer.location.rpartition("/")[2])
    assert job.error == "Whoever asked for this is not an operator any more. Nothing was done."
    assert people(app) == 4


def abandoned(app: Flask, alice: Browser, monkeypatch: pytest.MonkeyPatch) -> str:
    """An import whose worker is killed after the first batch of two was sent to the database."""

    class Killed(BaseException):
        pass

    def killed(*_: Any) -> None:
        raise Killed

    identifier = send(alice, PEOPLE).location.rpartition("/")[2]
    monkeypatch.setattr(importing, "BATCH", 1)
    with monkeypatch.context() as while_it_runs, app.app_context():
        while_it_runs.setattr(import_tasks, "has_mail", killed)
        with pytest.raises(Killed):
            engine.run(identifier)
        db.session.remove()
    return identifier


def test_a_killed_import_leaves_nobody_and_is_done_once_afterwards(
    app: Flask, alice: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    identifier = abandoned(app, alice, monkeypatch)
    assert people(app) == 4
    assert kept(app) == []

    change_job(app, identifier, lease_until=now())
    with app.app_context():
        sweep()
    work_off(app)

    assert look(app, identifier).result == {"imported": 2, "invited": 2}
    assert (people(app), len(kept(app, "account.created"))) == (6, 2)


@pytest.mark.parametrize("moment", ["look_at_all", "add"])
def test_a_cancelled_import_leaves_nobody(
    app: Flask, alice: Browser, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    identifier, before = (
        send(alice, PEOPLE).location.rpartition("/")[2],
        getattr(import_tasks, moment),
    )

    def cancelled(*arguments: Any) -> Any:
        assert alice.post(f"/tasks/{identifier}/cancel").status_code == 303
        return before(*arguments)

    monkeypatch.setattr(import_tasks, moment, cancelled)
    work_off(app)

    assert look(app, identifier).status == "cancelled"
    assert people(app) == 4


def test_a_name_that_is_taken_between_look_and_deed_is_told_by_line(
    app: Flask, alice: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = import_tasks.add

    def overtaken(*arguments: Any) -> int:
        if not exists(app, "wei"):
            add(app, "wei")
        return before(*arguments)

    monkeypatch.setattr(import_tasks, "add", overtaken)

    job = imported(app, alice, PEOPLE)

    assert job.error == "1 of 2 rows is wrong; nothing was imported."
    assert job.report
    assert job.report["rows"][0] == [3, "username", "wei is taken"]
    assert not exists(app, "amara")


@pytest.mark.server_only
def test_of_two_imports_at_once_one_wins_and_the_other_is_told(app: Flask, alice: Browser) -> None:
    both = [send(alice, PEOPLE).location.rpartition("/")[2] for _ in range(2)]
    together = threading.Barrier(2)

    def work(identifier: str) -> None:
        with app.app_context():
            together.wait()
            engine.run(identifier)

    threads = [threading.Thread(target=work, args=(each,)) for each in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    jobs = sorted((look(app, each) for each in both), key=lambda job: job.status)
    assert [job.status for job in jobs] == ["failed", "succeeded"]
    assert jobs[0].report
    assert [row[0] for row in jobs[0].report["rows"]] == [2, 2, 3, 3]
    assert people(app) == 6


def test_invitations_are_asked_for_some_at_a_time(
    app: Flask, alice: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_tasks, "MAILS_AT_ONCE", 2)
    rows = "".join(f"Name {at},user{at},user{at}@example.com,\r\n" for at in range(5))

    imported(app, alice, HEAD + rows)

    with app.app_context():
        mails = db.session.scalars(select(Mail.to)).all()
    assert sorted(mails) == [f"user{at}@example.com" for at in range(5)]


def test_what_was_sent_stays_with_the_job_and_is_given_to_nobody(
    app: Flask, alice: Browser
) -> None:
    job = imported(app, alice, PEOPLE)

    assert alice.get(f"/tasks/{job.id}/file").status_code == 404
    with app.app_context():
        assert db.session.scalars(select(JobChunk.data)).all() == [PEOPLE.encode()]
        db.session.delete(db.session.get_one(Job, job.id))
        db.session.commit()
        assert db.session.scalars(select(JobChunk.data)).all() == []


def test_the_task_itself_refuses_what_it_cannot_read(app: Flask, alice: Browser) -> None:
    with app.app_context():
        me = db.session.scalars(User.by_username("alice")).unique().one()
        asking = import_users.options(owner=me, input=b"")
        identifier = asking.enqueue(by=me.id, site="http://localhost/", rows=1).id
        db.session.commit()
    work_off(app)

    assert look(app, identifier).error == "The file is empty. Nothing was imported."
