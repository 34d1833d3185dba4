"""What operators' programs do about the limits of a tier, and that they count."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from app.extensions import db
from app.tiers.models import RateLimit, Tier
from tests.audit.kept import kept
from tests.calls import Caller, told, wrong_fields
from tests.people import Browser
from tests.users.saved import everything

BIG = {"path": "api/v1/tasks/task", "limit": 2, "period": 60}
LAST_USE = ("last_seen_at", "seen_at", "idle_until", "used_at", "address")
DOOR = "/tier/free/rate_limit"


@pytest.fixture
def alices(app: Flask) -> Caller:
    return Caller(app, "alice")


@pytest.fixture
def big(app: Flask, alices: Caller) -> str:
    """The door of a tier without limits."""
    alices.post("/tier", {"name": "big"})
    return "/tier/big/rate_limit"


def test_only_operators_pass(app: Flask) -> None:
    bobs = Caller(app, "bob")
    before = everything(app, but=LAST_USE)
    doors: list[tuple[str, str, Any]] = [
        ("GET", "/tier/free/rate_limits?page=0", None),
        ("POST", DOOR, {"nonsense": 1}),
        ("GET", f"{DOOR}/1", None),
        ("PATCH", f"{DOOR}/1", {"nonsense": 1}),
        ("DELETE", f"{DOOR}/1", None),
        ("DELETE", "/tier/none/rate_limit/1", None),
    ]

    for method, path, body in doors:
        assert bobs.ask(method, path, body).status_code == 403, path
        assert Caller(app).ask(method, path, body).status_code == 401, path

    assert everything(app, but=LAST_USE) == before


@pytest.mark.parametrize(
    "path",
    [
        *("api/v1/tasks/task", "/api/v1/tasks/task", "api_v1_tasks_task", "/API/v1/tasks/task/"),
        *("jobs.start", "/tasks", "api/v1/tasks/task/<anything>/retry", "POST /api/v1/tasks/task"),
        *("api/v1/tasks/task/{id}/retry", "api/v1/tasks/task/7/retry"),
    ],
)
def test_a_route_is_named_in_any_way_and_shown_in_one(
    app: Flask, alices: Caller, big: str, path: str
) -> None:
    answer = alices.post(big, {**BIG, "path": path})

    assert answer.status_code == 201
    limit = answer.json
    assert answer.headers["Location"] == f"/api/v1{big}/{limit['id']}"
    assert limit == {
        "id": limit["id"],
        "tier_id": alices.get("/tier/big").json["id"],
        "name": "api_v1_tasks_task:2:60",
        "path": "api_v1_tasks_task",
        "limit": 2,
        "period": 60,
        "rule": "/api/v1/tasks/task",
        "endpoint": "jobs.start",
        "methods": ["POST"],
        "observed": False,
    }
    assert alices.get(f"{big}/{limit['id']}").json == limit
    assert alices.get(f"{big}s").json["data"] == [limit]


def test_a_name_is_kept_and_a_limit_may_only_observe(alices: Caller, big: str) -> None:
    answer = alices.post(big, {**BIG, "name": " Many  starts ", "observed": True})

    assert (answer.json["name"], answer.json["observed"]) == ("Many starts", True)
    assert alices.get(answer.headers["Location"].removeprefix("/api/v1")).json == answer.json


def test_no_such_route_is_told_with_the_nearest(alices: Caller, big: str) -> None:
    for path in ("api/v1/task/tasks", "api/v1/user/<username>", "secret7", "*"):
        answer = alices.post(big, {**BIG, "path": path})
        assert wrong_fields(answer) == ["path"]
        said = answer.json["detail"][0]["msg"]
        assert "Choose one of: /" in said
        assert path == "*" or path not in said
    near = alices.post(big, {**BIG, "path": "api/v1/task/tasks"}).json["detail"][0]["msg"]
    assert "/api/v1/tasks/task" in near


def test_bad_input(app: Flask, alices: Caller, big: str) -> None:
    bad: list[tuple[str, Any]] = [
        *(("limit", value) for value in (0, -1, "5", 1.5, True, None, 2**31)),
        *(("period", value) for value in (0, "hour", 2**31)),
        *(("path", value) for value in ("", None, 5, "x" * 201)),
        *(("name", value) for value in ("", 5, "x" * 201, "a\x07")),
        *(("observed", value) for value in ("yes", 1, None)),
        ("route", "jobs.start"),
    ]

    made = alices.post(big, BIG).json["id"]
    for field, value in bad:
        assert wrong_fields(alices.post(big, {**BIG, field: value})) == [field], (field, value)
        changed = alices.patch(f"{big}/{made}", {field: value})
        assert wrong_fields(changed) == [field], (field, value)
    assert wrong_fields(alices.post(big, {})) == ["path", "limit", "period"]
    assert alices.get(f"{big}s").json["total_count"] == 1


def test_a_route_has_one_limit(app: Flask, alices: Caller) -> None:
    status, sentence = told(alices.post(DOOR, BIG))

    assert status == 422
    assert sentence.startswith("Free already allows 1 request")
    assert alices.get("/tier/free/rate_limits").json["total_count"] == 1


def test_what_is_not_there(alices: Caller) -> None:
    for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
        for path in (f"{DOOR}/999", f"{DOOR}/2"):  # the other tier's
            assert told(alices.ask(method, path, body)) == (404, "Rate Limit not found")
        answer = alices.ask(method, "/tier/none/rate_limit/1", body)
        assert told(answer) == (404, "Tier not found")
    assert told(alices.post("/tier/none/rate_limit", BIG)) == (404, "Tier not found")
    assert told(alices.patch(f"{DOOR}/{'9' * 20}", {})) == (404, "Rate Limit not found")


def test_a_limit_changes_and_counts_from_the_next_request(app: Flask, alices: Caller) -> None:
    bobs = Caller(app, "bob")
    start = "/tasks/task?message=x"
    assert [bobs.post(start).status_code for _ in range(2)] == [201, 429]

    answer = alices.patch(f"{DOOR}/1", {"limit": 2})

    assert told(answer) == (200, "Rate Limit updated")
    assert [bobs.post(start).status_code for _ in range(2)] == [201, 429]
    shown = alices.get(f"{DOOR}/1").json
    assert (shown["limit"], shown["period"]) == (2, 3600)
    assert shown["name"] == "api_v1_tasks_task:2:3600"
    (changed,) = kept(app, "limit.changed")
    assert (changed.actor_name, changed.subject_name) == ("Alice Archer", "free")


def test_only_what_was_sent_changes(app: Flask, alices: Caller) -> None:
    for sent in ({}, {"path": "api_v1_tasks_task"}, {"name": None}):
        before = alices.get(f"{DOOR}/1").json
        assert alices.patch(f"{DOOR}/1", sent).status_code == 200
        assert alices.get(f"{DOOR}/1").json == before
    assert kept(app) == []
    alices.patch(f"{DOOR}/1", {"name": "Starts", "observed": True, "period": 60})
    after = alices.get(f"{DOOR}/1").json
    assert (after["name"], after["observed"], after["period"]) == ("Starts", True, 60)
    assert len(kept(app, "limit.changed")) == 2


def test_a_limit_is_put_on_another_route_and_taken_back(
    app: Flask, alices: Caller, alice: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():  # one whose route is gone
        tier = db.session.scalars(Tier.by_name("pro")).one()
        tier.limits[0].route = "old.route"
        db.session.commit()
    gone = alices.get("/tier/pro/rate_limit/2").json
    assert (gone["path"], gone["rule"], gone["methods"]) == ("old.route", None, ["POST"])

    answer = alices.patch("/tier/pro/rate_limit/2", {"path": "/tasks", "limit": 7})

    assert answer.status_code == 200
    moved = alices.get("/tier/pro/rate_limit/2").json
    assert (moved["path"], moved["limit"]) == ("api_v1_tasks_task", 7)
    codes = [each.action for each in kept(app)]
    assert codes == ["limit.changed", "limit.deleted", "limit.created"]
    (created,) = kept(app, "limit.created")
    alice.post(f"/audit/{created.id}/undo", {"undo": "1"})
    assert alices.get("/tier/pro/rate_limits").json["total_count"] == 0


def test_a_name_comes_back_with_the_limit_and_with_the_tier(
    app: Flask, alices: Caller, alice: Browser, big: str
) -> None:
    alices.post(big, {**BIG, "name": "Many starts"})
    limit, tier = f"{big}/{alices.get(f'{big}s').json['data'][0]['id']}", big.rpartition("/")[0]

    for gone, door in (("limit.deleted", limit), ("tier.deleted", tier)):
        assert alices.delete(door).status_code == 200
        (event,) = kept(app, gone)
        alice.post(f"/audit/{event.id}/undo", {"undo": "1"})
        assert alices.get(f"{big}s").json["data"][0]["name"] == "Many starts"


def test_a_change_of_name_and_numbers_is_taken_back(
    app: Flask, alices: Caller, alice: Browser
) -> None:
    alices.patch(f"{DOOR}/1", {"name": "Starts", "limit": 7})
    event = kept(app, "limit.changed")[-1]

    alice.post(f"/audit/{event.id}/undo", {"undo": "1"})

    after = alices.get(f"{DOOR}/1").json
    assert (after["name"], after["limit"]) == ("Starts", 1)


def test_a_limit_is_removed_and_the_default_applies(app: Flask, alices: Caller) -> None:
    assert told(alices.delete(f"{DOOR}/1")) == (200, "Rate Limit deleted")

    (mine,) = Caller(app, "bob").get("/rate_limits/me").json["data"]
    assert (mine["limit"], mine["reason"]) == (10, "no rule")
    assert len(kept(app, "limit.deleted")) == 1
    assert alices.delete(f"{DOOR}/1").status_code == 404


def test_of_two_who_read_the_same_one_is_told(app: Flask, alices: Caller) -> None:
    read = alices.get(f"{DOOR}/1").headers["ETag"]
    assert alices.get(f"{DOOR}/1", If_None_Match=read).status_code == 304
    assert alices.patch(f"{DOOR}/1", {"limit": 5}, If_Match=read).status_code == 200

    assert alices.patch(f"{DOOR}/1", {"limit": 6}, If_Match=read).status_code == 412
    assert alices.delete(f"{DOOR}/1", If_Match=read).status_code == 412
    with app.app_context():
        assert db.session.get_one(RateLimit, 1).limit == 5


def test_the_same_key_makes_one_limit_also_at_once(app: Flask, alices: Caller, big: str) -> None:
    def ask(_number: int) -> tuple[int, int]:
        answer = alices.post(big, BIG, Idempotency_Key="k")
        return answer.status_code, answer.json["id"]

    with ThreadPoolExecutor(10) as pool:
        answers = set(pool.map(ask, range(10)))

    assert len(answers) == 1
    assert next(iter(answers))[0] == 201
    assert alices.post(big, {**BIG, "limit": 3}, Idempotency_Key="k").status_code == 422
    assert alices.get(f"{big}s").json["total_count"] == 1


def test_everybody_reads_their_own_and_it_costs_nothing(app: Flask) -> None:
    bobs = Caller(app, "bob")

    first = bobs.get("/rate_limits/me")
    again = bobs.get("/rate_limits/me")

    assert first.json == again.json
    assert [each["used"] for each in again.json["data"]] == [0]
    etag = first.headers["ETag"]
    assert bobs.get("/rate_limits/me", If_None_Match=etag).status_code == 304
    assert Caller(app).get("/rate_limits/me").status_code == 401
