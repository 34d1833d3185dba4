"""Operators move many people to another tier: those ticked, or all who match."""

import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.database import now
from app.extensions import db
from app.jobs import engine
from app.jobs.running import RunningJob
from app.jobs.sweep import sweep
from app.tiers.models import Tier
from app.users import move_pages, move_tasks
from app.users.models import User
from tests.audit.kept import kept, told
from tests.jobs.deeds import change as change_job
from tests.jobs.deeds import look, work_off
from tests.people import Browser, person, undo_of
from tests.users.saved import add, change, everything, saved


def ids(app: Flask, *usernames: str) -> list[int]:
    return [saved(app, each).id for each in usernames]


def tier_of(app: Flask, username: str) -> str | None:
    tier = saved(app, username).tier
    return tier.name if tier else None


def crowd(app: Flask, size: int) -> None:
    """So many more people on free: user0, user1 and so on."""
    with app.app_context():
        free = db.session.scalars(Tier.by_name("free")).one()
        db.session.add_all(person(f"user{at}", tier=free) for at in range(size))
        db.session.commit()


def fields(html: str) -> dict[str, Any]:
    """What the form of the confirming page holds."""
    form = re.search(r'<form class="panel-body.*?</form>', html, re.S)
    assert form
    found: dict[str, Any] = {}
    for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form.group()):
        found.setdefault(name, []).append(value.replace("&amp;", "&"))
    del found["csrf_token"]
    return found


def test_people_are_ticked_in_the_list_but_not_deleted_ones(app: Flask, alice: Browser) -> None:
    page = alice.get("/users?q=b").text
    bob = ids(app, "bob")[0]
    assert f'form="bulk" name="id" value="{bob}" aria-label="Select Bob Baker"' in page
    assert 'action="/users/move-users"' in page
    assert 'href="/users/move-users?all=1&amp;q=b&amp;back=/users?q%3Db"' in page
    row = alice.htmx_get("/users/bob/row").text
    assert f'value="{bob}"' in row

    change(app, "bob", deleted_at=now())

    assert "move-users" not in alice.get("/users?state=deleted").text


def test_the_page_says_how_many_and_from_which_tiers(app: Flask, alice: Browser) -> None:
    change(app, "mallory", tier_id=None)
    before = everything(app)

    page = alice.get(
        "/users/move-users",
        query_string={"id": ids(app, "bob", "carol", "mallory"), "back": "/users?q=a"},
    ).text

    assert "<h1>Move 3 users to another tier</h1>" in page
    rows = re.findall(r'<th scope="row">([^<]+)</th><td class="end num">(\d+)', page)
    assert sorted(rows) == [("Free", "1"), ("No tier", "1"), ("Pro", "1")]
    assert fields(page)["back"] == ["/users?q=a"]
    assert everything(app) == before


def test_those_selected_are_moved_at_once_on_record_and_back_again(
    app: Flask, alice: Browser, bob: Browser
) -> None:
    chosen = ids(app, "bob", "mallory", "carol")
    form = {"id": chosen, "to": "pro", "back": "/users?q=a"}

    answer = alice.post("/users/move-users", form)

    assert (answer.status_code, answer.location) == (303, "/users?q=a")
    assert [tier_of(app, each) for each in ("bob", "mallory", "carol")] == ["pro"] * 3
    events = kept(app, "tier.moved")
    assert [told(each)[::2] for each in events] == [
        ("Alice Archer", "Bob Baker"),
        ("Alice Archer", "Mallory Mason"),
    ]
    assert events[0].changes == {"tier": ["free", "pro"]}
    assert "10 of 10 starts left" in bob.get("/tasks").text  # from the next request
    page = alice.get(answer.location).text
    assert "2 users moved to Pro. 1 was there already" in page

    where, what = undo_of(page)
    alice.post(where, what)

    assert [tier_of(app, each) for each in ("bob", "mallory", "carol")] == ["free", "free", "pro"]
    assert "2 users moved back" in alice.get("/users").text
    assert len(kept(app, "tier.moved")) == 4


def test_undo_leaves_alone_whoever_was_moved_again(app: Flask, alice: Browser) -> None:
    alice.post("/users/move-users", {"id": ids(app, "bob", "mallory"), "to": "pro"})
    where, what = undo_of(alice.get("/users").text)
    alice.post("/users/bob/tier", {"tier": "", "version": saved(app, "bob").version})
    alice.get("/users")

    alice.post(where, what)

    assert (tier_of(app, "bob"), tier_of(app, "mallory")) == (None, "free")
    assert "1 user moved back. 1 was changed again since" in alice.get("/users").text


def test_undo_takes_back_only_moves_of_one_press_of_ones_own(
    app: Flask, alice: Browser, mallory: Browser
) -> None:
    add(app, "second", tier="pro", is_superuser=True)
    alice.post("/users/move-users", {"id": ids(app, "bob"), "to": "pro"})
    alice.post("/users/move-users", {"id": ids(app, "mallory"), "to": "pro"})
    first, second = (each.id for each in kept(app, "tier.moved"))
    everything_between = {"first": first, "last": second}

    assert mallory.post("/users/move-users/undo", everything_between).status_code == 403
    Browser(app, "second").post("/users/move-users/undo", everything_between)
    assert tier_of(app, "bob") == "pro"
    alice.post("/users/move-users/undo", everything_between)

    assert (tier_of(app, "bob"), tier_of(app, "mallory")) == ("free", "pro")


def test_deleted_people_are_left_alone_and_named(app: Flask, alice: Browser) -> None:
    chosen = ids(app, "bob", "mallory", "carol")
    for name in ("mallory", "carol"):
        change(app, name, deleted_at=now())

    alice.post("/users/move-users", {"id": [*chosen, 99999], "to": "-"})

    assert (tier_of(app, "bob"), tier_of(app, "mallory")) == (None, "free")
    said = "1 user moved to no tier. 2 were not: Carol Cooper and Mallory Mason are deleted"
    assert said in alice.get("/users").text


def test_all_who_match_are_moved(app: Flask, alice: Browser) -> None:
    page = alice.get("/users/move-users?all=1&tier=free").text
    assert "<h1>Move 2 users" in page

    alice.post("/users/move-users", {**fields(page), "to": "pro"})

    assert [tier_of(app, each) for each in ("bob", "mallory")] == ["pro", "pro"]
    assert len(kept(app, "tier.moved")) == 2


def test_if_others_match_by_now_nobody_is_moved_before_they_were_seen(
    app: Flask, alice: Browser
) -> None:
    form = {**fields(alice.get("/users/move-users?all=1&tier=free").text), "to": "pro"}
    add(app, "dora", tier="free")

    answer = alice.post("/users/move-users", form)

    assert answer.status_code == 409
    assert "Other people match by now" in answer.text
    assert kept(app) == []
    alice.post("/users/move-users", {**fields(answer.text), "to": "pro"})
    assert tier_of(app, "dora") == "pro"


@pytest.mark.parametrize("to", ["", "gold", "Choose a tier"])
def test_a_tier_that_is_not_there_is_refused(app: Flask, alice: Browser, to: str) -> None:
    before = everything(app)

    answer = alice.post("/users/move-users", {"id": ids(app, "bob"), "to": to})

    assert answer.status_code == 422
    assert "Choose a tier from the list" in answer.text
    assert everything(app) == before


def test_with_nobody_selected_the_list_says_so(app: Flask, alice: Browser) -> None:
    before = everything(app)

    for ask in (alice.get, alice.post):
        for query in ("", "?id=x", "?id=0", "?id=99999999999", "?all=1&state=deleted"):
            answer = ask(f"/users/move-users{query}")
            assert (answer.status_code, answer.location) == (303, "/users"), query

    assert everything(app) == before
    assert "Select somebody first" in alice.get("/users").text


def test_bob_and_strangers_move_nobody(app: Flask, bob: Browser, stranger: Browser) -> None:
    before, form = everything(app), {"id": ids(app, "bob"), "to": "pro", "all": "1", "count": "4"}

    assert bob.get("/users/move-users?all=1").status_code == 403
    assert bob.post("/users/move-users", form).status_code == 403
    assert stranger.post("/users/move-users", form).location.startswith("/sign-in")
    assert bob.post("/tasks", {"task": "move_users"}).status_code == 422
    assert everything(app) == before


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four people are many, and a task takes two at a time."""
    monkeypatch.setattr(move_pages, "AT_ONCE", 3)
    monkeypatch.setattr(move_tasks, "BATCH", 2)


def ask_for_all(app: Flask, alice: Browser) -> str:
    """The job that moves Bob, Mallory and three more from free to pro."""
    crowd(app, 3)
    page = alice.get("/users/move-users?all=1&tier=free").text
    assert "This runs as a task" in page
    answer = alice.post("/users/move-users", {**fields(page), "to": "pro"})
    assert answer.location.startswith("/tasks/")
    return str(answer.location.rpartition("/")[2])


def test_many_are_moved_by_a_task(app: Flask, alice: Browser, small: None) -> None:
    identifier = ask_for_all(app, alice)
    add(app, "dora", tier="free")  # who comes later was not meant

    work_off(app)

    job = look(app, identifier)
    assert (job.status, job.result, job.title) == (
        "succeeded",
        {"moved": 5},
        "Move of 5 users to Pro",
    )
    assert [tier_of(app, each) for each in ("bob", "user2", "dora")] == ["pro", "pro", "free"]
    events = kept(app, "tier.moved")
    assert len(events) == 5
    assert {each.actor_name for each in events} == {"Alice Archer"}
    alice.post(f"/audit/{events[0].id}/undo")
    assert tier_of(app, "bob") == "free"


def test_many_ticked_ones_are_moved_by_a_task_too(app: Flask, alice: Browser, small: None) -> None:
    chosen = ids(app, "alice", "bob", "carol", "mallory")

    alice.post("/users/move-users", {"id": chosen, "to": "free"})
    change(app, "mallory", deleted_at=now())
    work_off(app)

    assert (tier_of(app, "alice"), tier_of(app, "carol")) == ("free", "free")
    with app.app_context():
        job = db.session.scalars(select(engine.Job)).one()
        assert job.result == {"moved": 2, "there already": 1, "deleted": 1}


def test_a_killed_task_goes_on_without_moving_anybody_twice(
    app: Flask, alice: Browser, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    identifier = ask_for_all(app, alice)
    keep, kept_batches = RunningJob.keep, []

    def killed_in_the_second(job: RunningJob, *arguments: Any) -> None:
        if kept_batches:
            raise Killed
        keep(job, *arguments)
        kept_batches.append(1)

    with monkeypatch.context() as while_it_runs, app.app_context():
        while_it_runs.setattr(RunningJob, "keep", killed_in_the_second)
        with pytest.raises(Killed):
            engine.run(identifier)
        db.session.remove()
    assert len(kept(app, "tier.moved")) == 2
    alice.post("/users/bob/tier", {"tier": "free", "version": saved(app, "bob").version})

    change_job(app, identifier, lease_until=now())
    with app.app_context():
        sweep()
    work_off(app)

    assert look(app, identifier).result == {"moved": 5}
    assert tier_of(app, "bob") == "free"  # somebody moved him back meanwhile: that stays
    assert tier_of(app, "user2") == "pro"
    assert len(kept(app, "tier.moved")) == 6


def test_a_cancelled_task_keeps_what_it_has_done(
    app: Flask, alice: Browser, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    identifier, keep = ask_for_all(app, alice), RunningJob.keep

    def then_cancelled(job: RunningJob, *arguments: Any) -> None:
        keep(job, *arguments)
        alice.post(f"/tasks/{identifier}/cancel")

    monkeypatch.setattr(RunningJob, "keep", then_cancelled)
    work_off(app)

    assert look(app, identifier).status == "cancelled"
    assert len(kept(app, "tier.moved")) == 2


def test_a_worker_that_lost_the_job_keeps_nothing_of_it(
    app: Flask, alice: Browser, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    identifier, keep = ask_for_all(app, alice), RunningJob.keep

    def overtaken(job: RunningJob, *arguments: Any) -> None:
        job.attempt -= 1
        keep(job, *arguments)

    monkeypatch.setattr(RunningJob, "keep", overtaken)
    work_off(app)

    assert kept(app) == []
    assert tier_of(app, "bob") == "free"
    assert look(app, identifier).status == "running"


def test_if_the_tier_is_gone_the_task_says_so(app: Flask, alice: Browser, small: None) -> None:
    identifier = ask_for_all(app, alice)
    for name in ("alice", "carol"):
        change(app, name, tier="free")
    alice.post("/tiers/pro/delete")

    work_off(app)

    assert look(app, identifier).error == "The tier was deleted meanwhile. Nobody else was moved."
    assert saved(app, "bob").tier
    with app.app_context():
        assert db.session.scalar(select(User).where(User.tier_id.is_(None))) is None
