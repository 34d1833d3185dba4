"""The whole API as one table: who may call what, and what the answer says."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.database import now
from tests.calls import Caller
from tests.conftest import forget_everything
from tests.jobs.deeds import start
from tests.people import PASSWORD, make_cast
from tests.users.saved import add

# Mallory is somebody else, Bob is whom it is about, Alice is an operator.
ROLES = {"stranger": None, "other": "mallory", "own": "bob", "operator": "alice"}

USER = {"id", "name", "username", "email", "profile_image_url", "tier_id"}
TIER = {"id", "name", "created_at"}
LIMIT = {"id", "tier_id", "name", "path", "limit", "period", "rule", "endpoint", "methods"}
LIMIT |= {"observed"}
POST = {"id", "title", "text", "media_url", "created_by_user_id", "created_at"}
TASK = {"id", "function", "args", "kwargs", "status", "progress", "result", "error"}
TASK |= {"enqueue_time", "start_time", "finish_time", "success", "job_try"}
ERROR = {"detail", "title", "status", "request_id"}

GUEST = {"name": "Dora Dean", "username": "dora", "email": "dora@example.com"}
GUEST |= {"password": "seven green bottles"}
RULE = {"path": "api/v1/tasks/task/{id}/retry", "limit": 5, "period": 60}
SAID = {"title": "Hello", "text": "What I saw"}


@dataclass(frozen=True)
class Page:
    """A page of things with these fields."""

    of: set[str]


@dataclass(frozen=True)
class Call:
    """What each role gets; ``says`` is the message or the fields of an answer that is not one."""

    call: str
    statuses: tuple[int, int, int, int]  # stranger, other, own, operator
    says: Any
    body: Any = None
    refused: tuple[tuple[str, Any, int, Any], ...] = ()  # operators': path, body, status, detail

    def __str__(self) -> str:
        return self.call


ANYBODY, MEMBERS, OPERATORS = (200,) * 4, (401, 200, 200, 200), (401, 403, 403, 200)
OWN_OR_OPERATORS = (401, 403, 200, 200)
NOBODY = "User not found"
NO_TIER = "Tier not found"
NO_LIMIT = "Rate Limit not found"

CALLS = [
    # People
    Call(
        "POST /user",
        (201,) * 4,
        USER,
        GUEST,
        (
            ("/user", {**GUEST, "email": "BOB@example.com"}, 422, "Email is already registered"),
            ("/user", {**GUEST, "username": "bob"}, 422, "Username not available"),
            *(
                ("/user", {**GUEST, field: value}, 422, [field])
                for field, value in (
                    *(("name", "D"), ("name", "D" * 31), ("username", "Dora"), ("username", "d")),
                    *(("email", "dora"), ("email", "d" * 250 + "@example.com")),
                    *(("password", "seven g"), ("password", "s" * 129), ("password", "password")),
                    *(("password", "i am dora, really"), ("nonsense", "1")),
                )
            ),
        ),
    ),
    Call(
        "GET /users",
        OPERATORS,
        Page(USER),
        refused=(
            ("/users?page=0", None, 422, ["page"]),
            ("/users?items_per_page=101", None, 422, ["items_per_page"]),
            ("/users?items_per_page=0", None, 422, ["items_per_page"]),
        ),
    ),
    Call("GET /user/me/", MEMBERS, USER),
    Call("GET /user/me", MEMBERS, USER),
    Call("PATCH /user/me", MEMBERS, "User updated", {"name": "Anybody"}),
    Call("DELETE /user/me", (401, 200, 200, 409), "User deleted"),  # Alice is the last operator
    Call("GET /user/bob", OWN_OR_OPERATORS, USER, refused=(("/user/zoe", None, 404, NOBODY),)),
    Call(
        "PATCH /user/bob",
        OWN_OR_OPERATORS,
        "User updated",
        {"name": "Robert", "profile_image_url": "https://example.com/bob.png"},
        (
            ("/user/zoe", {}, 404, NOBODY),
            ("/user/bob", {"profile_image_url": "ftp://example.com/bob.png"}, 422, None),
            ("/user/bob", {"username": "carol"}, 422, "Username not available"),
            ("/user/bob", {"email": "carol@example.com"}, 422, "Email is already registered"),
            ("/user/bob", {"is_superuser": True}, 422, ["is_superuser"]),
        ),
    ),
    Call("DELETE /user/bob", OWN_OR_OPERATORS, "User deleted"),
    Call("DELETE /db_user/bob", OPERATORS, "User deleted from the database"),
    Call("POST /user/gone/restore", OPERATORS, USER),
    Call("GET /user/bob/rate_limits", OPERATORS, USER | {"tier_rate_limits"}),
    Call("GET /user/bob/tier", OWN_OR_OPERATORS, USER | {"tier_name", "tier_created_at"}),
    Call(
        "PATCH /user/bob/tier",
        OPERATORS,
        "User Bob Baker Tier updated",
        {"tier_id": 2},
        (("/user/bob/tier", {"tier_id": 99}, 404, NO_TIER), ("/user/bob/tier", {}, 422, None)),
    ),
    # Tiers and limits
    Call(
        "POST /tier",
        (401, 403, 403, 201),
        TIER,
        {"name": "gold"},
        (
            ("/tier", {"name": "free"}, 422, "Tier Name not available"),
            ("/tier", {"name": ""}, 422, ["name"]),
            ("/tier", {"name": "g" * 65}, 422, ["name"]),
        ),
    ),
    Call("GET /tiers", MEMBERS, Page(TIER)),
    Call("GET /tier/free", MEMBERS, TIER, refused=(("/tier/none", None, 404, NO_TIER),)),
    Call("PATCH /tier/free", OPERATORS, "Tier updated", {"name": "basic"}),
    Call(
        "DELETE /tier/spare",
        OPERATORS,
        "Tier deleted",
        refused=(("/tier/free", None, 409, "2 users on Free"),),
    ),
    Call(
        "POST /tier/spare/rate_limit",
        (401, 403, 403, 201),
        LIMIT,
        RULE,
        (
            ("/tier/none/rate_limit", RULE, 404, NO_TIER),
            ("/tier/spare/rate_limit", {**RULE, "path": "api/v1/nowhere"}, 422, ["path"]),
            ("/tier/spare/rate_limit", {**RULE, "limit": 0}, 422, ["limit"]),
            ("/tier/spare/rate_limit", {**RULE, "period": 0}, 422, ["period"]),
        ),
    ),
    Call("GET /tier/free/rate_limits", OPERATORS, Page(LIMIT)),
    Call(
        "GET /tier/free/rate_limit/{limit}",
        OPERATORS,
        LIMIT,
        refused=(("/tier/pro/rate_limit/{limit}", None, 404, NO_LIMIT),),
    ),
    Call("PATCH /tier/free/rate_limit/{limit}", OPERATORS, "Rate Limit updated", {"limit": 3}),
    Call("DELETE /tier/free/rate_limit/{limit}", OPERATORS, "Rate Limit deleted"),
    Call("GET /rate_limits/me", MEMBERS, None),
    # Tasks
    Call("POST /tasks/task?message=hello", (201,) * 4, {"id"}),
    Call(
        "GET /tasks/task/{task}",
        (404, 404, 200, 200),
        TASK,
        refused=(("/tasks/task/none", None, 404, None),),
    ),
    Call("GET /tasks/task/{anonymous}", ANYBODY, TASK),
    Call("POST /tasks/task/{task}/cancel", (404, 404, 200, 200), TASK),
    Call("POST /tasks/task/{ended}/retry", (404, 404, 200, 200), TASK),
]
POSTS = [
    Call("POST /bob/post", (401, 403, 201, 403), POST, SAID),
    Call("GET /bob/posts", ANYBODY, Page(POST), refused=(("/zoe/posts", None, 404, NOBODY),)),
    Call(
        "GET /bob/post/{post}",
        ANYBODY,
        POST,
        refused=(("/bob/post/999", None, 404, "Post not found"),),
    ),
    Call("PATCH /bob/post/{post}", OWN_OR_OPERATORS, "Post updated", {"title": "Hello again"}),
    Call("DELETE /bob/post/{post}", OWN_OR_OPERATORS, "Post deleted"),
    Call("DELETE /bob/db_post/{post}", OPERATORS, "Post deleted from the database"),
]


def calls(app: Flask) -> list[Call]:
    """The whole table; without posts, where the example was taken out."""
    return CALLS + (POSTS if "posts_api" in app.blueprints else [])


class World:
    """The cast, and what the addresses of the table name; new for each call that changes it."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.renew()

    def renew(self) -> None:
        with self.app.app_context():
            forget_everything()
            make_cast()
        Caller(self.app, "alice").post("/tier", {"name": "spare"})
        self.put_in_things()
        self.callers = {role: Caller(self.app, name) for role, name in ROLES.items()}

    def put_in_things(self) -> None:
        bobs = Caller(self.app, "bob")
        add(self.app, "gone", deleted_at=now())
        (limit,) = Caller(self.app, "alice").get("/tier/free/rate_limits").json["data"]
        jobs = {name: start(self.app, "demonstration", "bob") for name in ("task", "ended")}
        assert bobs.post(f"/tasks/task/{jobs['ended']}/cancel").status_code == 200
        anonymous = Caller(self.app).post("/tasks/task?message=x").json["id"]
        self.known = {**jobs, "limit": limit["id"], "anonymous": anonymous}
        if "posts_api" in self.app.blueprints:
            self.known["post"] = bobs.post("/bob/post", SAID).json["id"]

    def ask(self, role: str, method: str, path: str, body: Any = None) -> TestResponse:
        for name, value in self.known.items():
            path = path.replace("{" + name + "}", str(value))
        return self.callers[role].ask(method, path, body)


@pytest.fixture
def world(app: Flask) -> World:
    return World(app)


@pytest.mark.parametrize("part", range(4))
def test_the_table_holds(world: World, part: int) -> None:
    for call in calls(world.app)[part::4]:
        method, _, path = call.call.partition(" ")
        for role, status in zip(ROLES, call.statuses, strict=True):
            answer = world.ask(role, method, path, call.body)
            assert answer.status_code == status, (call.call, role, answer.json)
            check(call, answer)
            if status < 400 and method != "GET":
                world.renew()
        for path, body, status, detail in call.refused:
            answer = world.ask("operator", method, path, body)
            assert answer.status_code == status, (call.call, path, body, answer.json)
            check_error(answer)
            check_detail(answer.json["detail"], detail)


def check(call: Call, answer: TestResponse) -> None:
    assert answer.mimetype == "application/json", call.call
    if answer.status_code >= 400:
        check_error(answer)
    elif isinstance(call.says, str):
        assert answer.json == {"message": call.says}, call.call
    elif isinstance(call.says, Page):
        check_page(call, answer.json)
    elif call.says:
        assert set(answer.json) == call.says, call.call


def check_page(call: Call, body: dict[str, Any]) -> None:
    assert set(body) == {"data", "total_count", "has_more", "page", "items_per_page"}, call.call
    assert body["data"], call.call
    assert {key for each in body["data"] for key in each} == call.says.of, call.call
    assert (body["page"], body["items_per_page"], body["has_more"]) == (1, 10, False)


def check_error(answer: TestResponse) -> None:
    assert set(answer.json) == ERROR
    assert answer.json["status"] == answer.status_code
    assert answer.json["request_id"] == answer.headers["X-Request-ID"]
    if answer.status_code == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def check_detail(said: Any, detail: Any) -> None:
    if isinstance(said, list):
        assert all(set(wrong) == {"loc", "msg", "type"} for wrong in said)
    if isinstance(detail, list):
        assert [wrong["loc"][-1] for wrong in said] == detail
    elif detail:
        assert detail in said


def every_door(app: Flask) -> Iterator[str]:
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/v1/"):
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                yield f"{method} {rule.rule.removeprefix('/api/v1')}"


def test_no_door_is_missing_in_the_table(app: Flask) -> None:
    known = {"POST /login", "POST /refresh", "POST /logout"}  # below

    for door in every_door(app):
        method, _, path = door.partition(" ")
        adapter = app.url_map.bind("localhost")
        asked = {
            adapter.match(f"/api/v1{address(call)}", call.call.split()[0], return_rule=True)[0].rule
            for call in calls(app)
            if call.call.startswith(f"{method} ")
        }
        assert door in known or f"/api/v1{path}" in asked, door


def address(call: Call) -> str:
    path = call.call.partition(" ")[2].partition("?")[0]
    for name in ("limit", "post", "task", "anonymous", "ended"):
        path = path.replace("{" + name + "}", "1")
    return path


def test_signing_in_staying_in_and_out(app: Flask) -> None:
    client = app.test_client()
    form = {"username": "bob@example.com", "password": PASSWORD}

    wrong = client.post("/api/v1/login", data={**form, "password": "wrong"})
    assert (wrong.status_code, wrong.json["detail"]) == (401, "Wrong username, email or password.")
    check_error(wrong)
    first = client.post("/api/v1/login", data=form)
    assert (first.status_code, set(first.json)) == (200, {"access_token", "token_type"})
    assert first.json["token_type"] == "bearer"
    cookie = first.headers["Set-Cookie"]
    for part in ("refresh_token=", "HttpOnly", "SameSite=Lax", "Path=/api/v1", "Max-Age=604800"):
        assert part in cookie
    again = client.post("/api/v1/refresh")
    assert (again.status_code, set(again.json)) == (200, {"access_token", "token_type"})
    out = client.post("/api/v1/logout")
    assert (out.status_code, out.json) == (200, {"message": "Logged out successfully"})
    assert client.post("/api/v1/refresh").status_code == 401


def test_a_limit_says_how_much_is_left_and_when_it_is_new(app: Flask) -> None:
    bobs, numbers = Caller(app, "bob"), ("Limit", "Remaining", "Reset")

    taken = bobs.post("/tasks/task?message=one")
    refused = bobs.post("/tasks/task?message=two")

    for answer in (taken, refused):
        assert {"RateLimit-Policy", "RateLimit", *(f"X-RateLimit-{n}" for n in numbers)} <= set(
            answer.headers.keys()
        )
    assert (taken.status_code, refused.status_code) == (201, 429)
    assert set(refused.json) == ERROR | {"limit", "period", "retry_after", "reset_at"}
    assert refused.json["detail"] == "Rate limit exceeded."
    assert (refused.json["limit"], refused.json["period"]) == (1, 3600)
    assert 1 <= refused.json["retry_after"] == int(refused.headers["Retry-After"]) <= 3600
    assert refused.json["reset_at"].endswith(("Z", "+00:00"))
