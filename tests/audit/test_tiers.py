"""What is done to tiers and limits is on record, with the phrases before and after."""

from typing import Any

from click.testing import Result
from flask import Flask

from tests.audit.kept import kept, only, told
from tests.people import Browser, undo_of
from tests.tiers.screen import limit_id

TASKS = "POST /tasks"


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=list(arguments))


def hourly(limit: int, **more: Any) -> dict[str, Any]:
    return {"limit": limit, "every": 1, "unit": "hours", **more}


def test_a_tier_from_beginning_to_end(app: Flask, alice: Browser) -> None:
    alice.post("/tiers", {"name": "gold"})
    alice.post("/tiers/gold", {"name": "silver"})
    alice.post("/tiers/silver/delete")

    events = kept(app)
    assert [told(event) for event in events] == [
        ("Alice Archer", "tier.created", "gold"),
        ("Alice Archer", "tier.renamed", "silver"),
        ("Alice Archer", "tier.deleted", "silver"),
    ]
    assert events[1].changes == {"name": ["gold", "silver"]}
    assert len({event.subject_id for event in events}) == 1
    assert events[0].subject_id


def test_a_limit_from_beginning_to_end(app: Flask, alice: Browser) -> None:
    alice.post("/tiers", {"name": "gold"})
    alice.post("/tiers/gold/limits", hourly(5, route="jobs.start"))
    number = limit_id(app, "gold")
    alice.post(f"/tiers/gold/limits/{number}", hourly(1))
    alice.post(f"/tiers/gold/limits/{number}/delete")

    _, created, changed, deleted = kept(app)
    assert told(created) == ("Alice Archer", "limit.created", "gold")
    assert created.changes == {TASKS: [None, "5 requests per hour"]}
    assert changed.changes == {TASKS: ["5 requests per hour", "1 request per hour"]}
    assert deleted.changes == {TASKS: ["1 request per hour", None]}
    assert (changed.action, deleted.action) == ("limit.changed", "limit.deleted")


def test_a_deleted_tier_keeps_its_limits_in_the_trail(app: Flask, alice: Browser) -> None:
    alice.post("/tiers", {"name": "gold"})
    alice.post("/tiers/gold/limits", hourly(5, route="jobs.start"))

    alice.post("/tiers/gold/delete")

    assert kept(app)[-1].changes == {TASKS: ["5 requests per hour", None]}


def test_undo_is_on_record_too(app: Flask, alice: Browser) -> None:
    path = f"/tiers/pro/limits/{limit_id(app, 'pro')}"
    address, fields = undo_of(alice.htmx_post(path, hourly(7)).text)

    alice.post(address, fields)

    assert [event.changes[TASKS][1] for event in kept(app)] == [
        "7 requests per hour",
        "10 requests per hour",
    ]


def test_what_is_refused_or_changes_nothing_is_not_on_record(app: Flask, alice: Browser) -> None:
    path = f"/tiers/pro/limits/{limit_id(app, 'pro')}"
    alice.post("/tiers", {"name": "pro"})
    alice.post("/tiers/free", {"name": "pro"})
    alice.post("/tiers/free", {"name": "free"})
    alice.post("/tiers/pro/delete")
    alice.post("/tiers/pro/limits", hourly(5, route="jobs.start"))
    alice.post(path, hourly(10))
    alice.post(path, hourly(0))
    alice.post(path, hourly(3, version="99"))
    alice.post(f"{path}/delete", {"version": "99"})

    assert kept(app) == []


def test_commands_are_on_record_as_the_systems(app: Flask) -> None:
    run(app, "create-tier", "gold")
    run(app, "limits", "set", "gold", "/tasks", "5", "3600")
    run(app, "limits", "set", "gold", "/tasks", "5", "60")
    run(app, "limits", "remove", "gold", "/tasks")
    run(app, "create-tier", "gold")

    events = kept(app)
    assert [told(event) for event in events] == [
        ("System", action, "gold")
        for action in ("tier.created", "limit.created", "limit.changed", "limit.deleted")
    ]
    assert events[2].changes == {TASKS: ["5 requests per hour", "5 requests per minute"]}


def test_the_trail_leads_to_a_tier_by_whatever_name(app: Flask, alice: Browser) -> None:
    alice.post("/tiers/pro", {"name": "gold"})

    number = only(app).subject_id
    assert f'href="/tiers/id/{number}"' in alice.get("/audit").text
    assert alice.get(f"/tiers/id/{number}").location == "/tiers/gold"
    for nobody in (999, 2**31, 2**63):
        assert alice.get(f"/tiers/id/{nobody}").status_code == 404
        assert alice.get(f"/users/id/{nobody}").status_code == 404


def test_others_are_led_to_no_tier(app: Flask, mallory: Browser, stranger: Browser) -> None:
    assert mallory.get("/tiers/id/1").status_code == 403
    assert stranger.get("/tiers/id/1").location == "/sign-in?next=/tiers/id/1"
