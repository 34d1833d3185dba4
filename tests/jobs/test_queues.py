"""Alice pauses a queue and lets it go on; what waits there says so."""

from flask import Flask

from app.database import now
from app.extensions import db
from app.jobs import queues
from app.jobs.sweep import sweep
from app.jobs.workers import Queue
from app.users.models import User
from tests.audit.kept import kept, told
from tests.jobs.deeds import change, look, start, work_off
from tests.people import Browser, undo_of


def paused(app: Flask) -> list[str]:
    with app.app_context():
        return sorted(db.session.scalars(Queue.paused()))


def test_a_queue_is_paused_with_undo_and_on_record(app: Flask, alice: Browser) -> None:
    answer = alice.post("/jobs/queues/mail/pause", headers={"Referer": "http://localhost/jobs?q=x"})

    assert (answer.status_code, answer.location) == (303, "/jobs?q=x")
    assert paused(app) == ["mail"]
    page = alice.get("/jobs").text
    assert "The queue mail is paused" in page
    assert "by alice, today" in page
    where, fields = undo_of(page)
    alice.post(where, fields)
    assert paused(app) == []
    assert [told(event)[:2] for event in kept(app)] == [
        ("Alice Archer", "queue.paused"),
        ("Alice Archer", "queue.resumed"),
    ]
    assert kept(app)[0].detail == "mail"


def test_htmx_gets_the_queues_with_the_focus_on_the_button(app: Flask, alice: Browser) -> None:
    answer = alice.htmx_post("/jobs/queues/default/pause")

    assert answer.status_code == 200
    assert answer.text.count("autofocus") == 1
    assert 'action="/jobs/queues/default/resume"' in answer.text
    assert "Undo" in answer.text
    assert "<html" not in answer.text


def test_twice_is_harmless_and_recorded_once(app: Flask, alice: Browser) -> None:
    alice.post("/jobs/queues/default/pause")
    again = alice.htmx_post("/jobs/queues/default/pause")
    alice.post("/jobs/queues/default/resume")
    late = alice.htmx_post("/jobs/queues/default/resume")

    assert "was paused before" in again.text
    assert "was not paused" in late.text
    assert len(kept(app)) == 2
    alice.post("/jobs/queues/default/pause")
    assert paused(app) == ["default"], "a queue that was paused before is paused again"


def test_a_queue_that_somebody_else_paused_stays_theirs(app: Flask) -> None:
    with app.app_context():
        alice = db.session.scalars(User.by_username("alice")).unique().one()
        db.session.add(Queue(name="default", paused_at=now(), paused_by="carol"))
        db.session.commit()
        assert queues.pause("default", alice) is False
        db.session.commit()
        assert db.session.get_one(Queue, "default").paused_by == "carol"


def test_what_waits_in_a_paused_queue_says_so(app: Flask, alice: Browser, bob: Browser) -> None:
    identifier = start(app, "demonstration")
    alice.post("/jobs/queues/default/pause")

    assert "The queue default is paused." in bob.get(f"/tasks/{identifier}").text
    assert 'class="tag tag-warn">Paused' in alice.htmx_get("/jobs?state=queued").text
    assert "The queue default is paused" in alice.htmx_get("/jobs").text
    alice.post("/jobs/queues/default/resume")
    assert "is paused" not in bob.get(f"/tasks/{identifier}").text


def test_what_waited_is_sent_again_at_once(app: Flask, alice: Browser) -> None:
    identifier = start(app, "demonstration")
    other = start(app, "demonstration")
    change(app, other, queue="mail")
    alice.post("/jobs/queues/default/pause")
    assert look(app, identifier).sent_at is not None

    alice.post("/jobs/queues/default/resume")

    assert look(app, identifier).sent_at is None
    assert look(app, other).sent_at is not None


def test_nothing_begins_while_its_queue_is_paused_and_all_of_it_afterwards(
    app: Flask, alice: Browser
) -> None:
    identifier = start(app, "demonstration", size=1, pause=0)
    alice.post("/jobs/queues/default/pause")
    work_off(app)
    assert look(app, identifier).status == "queued"

    alice.post("/jobs/queues/default/resume")
    with app.app_context():
        sweep()
    work_off(app)

    assert look(app, identifier).status == "succeeded"


def test_only_queues_that_are_there_and_only_operators(
    app: Flask, alice: Browser, bob: Browser, stranger: Browser
) -> None:
    identifier = start(app, "demonstration")
    change(app, identifier, queue="left over")

    for deed in ("pause", "resume"):
        assert alice.post(f"/jobs/queues/nothing/{deed}").status_code == 404
        assert bob.post(f"/jobs/queues/default/{deed}").status_code == 403
        assert stranger.post(f"/jobs/queues/default/{deed}").location == "/sign-in"
        assert alice.client.post(f"/jobs/queues/default/{deed}").status_code == 400
    assert paused(app) == []
    assert alice.post("/jobs/queues/left over/pause").status_code == 303
    assert paused(app) == ["left over"]
