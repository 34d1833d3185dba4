"""What operators' programs do about people: find, erase, restore, move to another tier."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.auth.models import Session
from app.extensions import db
from app.factors.models import Passkey
from app.jobs.models import Job
from app.tiers.models import Tier
from app.tokens.models import ApiToken
from tests.audit.kept import kept
from tests.audit.kept import told as who_did_what
from tests.auth.programs import Program
from tests.calls import Caller, told, wrong_fields
from tests.factors.held import give_passkey
from tests.jobs.deeds import start
from tests.users.saved import add, change, everything, exists, saved

LAST_USE = ("last_seen_at", "seen_at", "idle_until", "used_at", "address")


@pytest.fixture
def alices(app: Flask) -> Caller:
    return Caller(app, "alice")


DOORS = [
    ("GET", "/users", None),
    ("DELETE", "/db_user/{}", None),
    ("POST", "/user/{}/restore", None),
    ("GET", "/user/{}/rate_limits", None),
    ("PATCH", "/user/{}/tier", {"nonsense": 1}),
]


def test_only_operators_pass_and_nobody_else_learns_anything(app: Flask) -> None:
    bobs, nobody, before = Caller(app, "bob"), Caller(app), everything(app, but=LAST_USE)

    for method, path, body in DOORS:
        for whom in ("bob", "carol", "nobody"):
            answer = bobs.ask(method, path.format(whom), body)
            assert told(answer) == (403, "Only operators can open this."), path
            assert nobody.ask(method, path.format(whom), body).status_code == 401, path

    assert everything(app, but=LAST_USE) == before


def test_whoever_is_not_there_is_a_404(alices: Caller) -> None:
    for method, path, body in DOORS[1:]:
        answer = alices.ask(method, path.format("nobody"), body and {"tier_id": None})
        assert told(answer) == (404, "User not found"), path


class TestList:
    def test_a_page_by_id(self, app: Flask, alices: Caller) -> None:
        answer = alices.get("/users?page=1&items_per_page=3")

        assert {key: value for key, value in answer.json.items() if key != "data"} == {
            "total_count": 4,
            "has_more": True,
            "page": 1,
            "items_per_page": 3,
        }
        assert [each["username"] for each in answer.json["data"]] == ["alice", "bob", "carol"]
        assert answer.json["data"][1] == alices.get("/user/bob").json
        assert alices.get("/users", If_None_Match="x").status_code == 200

    @pytest.mark.parametrize(
        ("query", "names", "total", "more"),
        [
            ("page=2&items_per_page=3", ["mallory"], 4, False),
            ("items_per_page=4", ["alice", "bob", "carol", "mallory"], 4, False),
            ("page=2147483647&items_per_page=100", [], 4, False),
            ("q=BAKER", ["bob"], 1, False),
            ("q=%25", [], 0, False),
            ("tier=pro", ["alice", "carol"], 2, False),
            ("tier=-", [], 0, False),
            ("sort=-name&items_per_page=1", ["mallory"], 4, True),
            ("sort=-id&items_per_page=2", ["mallory", "carol"], 4, True),
            ("deleted=true", ["gone"], 1, False),
            ("deleted=false&q=gone", [], 0, False),
        ],
    )
    def test_what_is_asked_for(
        self, app: Flask, alices: Caller, query: str, names: list[str], total: int, more: bool
    ) -> None:
        add(app, "gone", deleted_at=saved(app, "bob").created_at)

        found = alices.get(f"/users?{query}").json

        assert [each["username"] for each in found["data"]] == names
        assert (found["total_count"], found["has_more"]) == (total, more)

    def test_bad_queries(self, alices: Caller) -> None:
        for query in ("page=0", "page=x", "items_per_page=101", "items_per_page=0"):
            assert wrong_fields(alices.get(f"/users?{query}")) == [query.partition("=")[0]]
        for query in ("sort=password_hash", "deleted=perhaps", "q=" + "x" * 101):
            assert wrong_fields(alices.get(f"/users?{query}")) == [query.partition("=")[0]]


class TestErase:
    def test_the_row_is_gone_with_what_hangs_on_it(self, app: Flask, alices: Caller) -> None:
        bobs, program, number = Caller(app, "bob"), Program(app, "bob"), saved(app, "bob").id
        give_passkey(app, "bob")
        job = start(app, "demonstration", "bob")

        answer = alices.delete("/db_user/bob")

        assert told(answer) == (200, "User deleted from the database")
        assert not exists(app, "bob")
        assert (bobs.get("/user/me").status_code, program.is_in()) == (401, False)
        with app.app_context():
            for table in (ApiToken, Session, Passkey):
                assert not db.session.scalars(select(table).where(table.user_id == number)).all()
            assert db.session.get_one(Job, job).owner_id is None
        (erased,) = kept(app, "account.erased")
        assert who_did_what(erased) == ("Alice Archer", "account.erased", "Bob Baker")
        assert erased.subject_id == number

    def test_somebody_deleted_before_is_erased_and_the_living_one_first(
        self, app: Flask, alices: Caller
    ) -> None:
        add(app, "dora", "Old Dora", deleted_at=saved(app, "bob").created_at)
        add(app, "dora", "New Dora", email="new@example.com")

        assert alices.delete("/db_user/dora").status_code == 200
        assert saved(app, "dora").name == "Old Dora"
        assert alices.delete("/db_user/dora").status_code == 200
        assert alices.delete("/db_user/dora").status_code == 404

    def test_nobody_erases_themselves(self, app: Flask, alices: Caller) -> None:
        for name in ("alice", "me"):
            status, sentence = told(alices.delete(f"/db_user/{name}"))
            assert (status, sentence) == (409, "You cannot delete your own account here.")
        assert exists(app, "alice")

    def test_of_another_version_nobody_is_erased(self, app: Flask, alices: Caller) -> None:
        assert alices.delete("/db_user/bob", If_Match='"old"').status_code == 412
        assert exists(app, "bob")

    def test_nobody_new_gets_the_number_of_somebody_erased(
        self, app: Flask, alices: Caller
    ) -> None:
        number = saved(app, "mallory").id  # the highest, which SQLite would give out again
        alices.delete("/db_user/mallory")
        dora, eve = add(app, "dora"), add(app, "eve")

        assert number < dora.id < eve.id


class TestRestore:
    def test_somebody_comes_back_and_their_tokens_do_not(self, app: Flask, alices: Caller) -> None:
        bobs = Caller(app, "bob")
        alices.delete("/user/bob")

        answer = alices.post("/user/bob/restore")

        assert (answer.status_code, answer.json["username"]) == (200, "bob")
        assert bobs.get("/user/me").status_code == 401
        assert Caller(app, "bob").get("/user/me").status_code == 200
        assert len(kept(app, "account.restored")) == 1
        assert told(alices.post("/user/bob/restore")) == (404, "User not found")

    def test_a_name_that_somebody_has_by_now_is_a_conflict(
        self, app: Flask, alices: Caller
    ) -> None:
        alices.delete("/user/bob")
        add(app, "bob", "Other Bob", email="other@example.com")

        status, sentence = told(alices.post("/user/bob/restore"))

        assert status == 409
        assert "somebody else is bob by now" in sentence


class TestLimits:
    def test_a_person_with_the_limits_of_the_tier(self, app: Flask, alices: Caller) -> None:
        bob = alices.get("/user/bob").json

        answer = alices.get("/user/bob/rate_limits").json

        (limit,) = answer.pop("tier_rate_limits")
        assert answer == bob
        assert (limit["tier_id"], limit["path"]) == (bob["tier_id"], "api_v1_tasks_task")
        assert (limit["limit"], limit["period"]) == (1, 3600)
        change(app, "bob", tier_id=None)
        assert alices.get("/user/bob/rate_limits").json["tier_rate_limits"] == []


class TestMove:
    def test_to_another_tier_and_to_none(self, app: Flask, alices: Caller) -> None:
        pro = saved(app, "carol").tier_id

        answer = alices.patch("/user/bob/tier", {"tier_id": pro})

        assert told(answer) == (200, "User Bob Baker Tier updated")
        assert saved(app, "bob").tier_id == pro
        (moved,) = kept(app, "tier.moved")
        assert moved.changes == {"tier": ["free", "pro"]}
        assert alices.patch("/user/bob/tier", {"tier_id": None}).status_code == 200
        assert saved(app, "bob").tier_id is None

    @pytest.mark.parametrize("number", [0, -1, "2", 2.5, True, 2**31, 1e400, [2]])
    def test_what_is_no_number_is_refused(self, alices: Caller, number: Any) -> None:
        if number == 1e400:
            client = alices.app.test_client()
            path, kind = "/api/v1/user/bob/tier", "application/json"
            sent = {"data": '{"tier_id": 1e400}', "content_type": kind}
            answer = client.patch(path, headers=alices.headers, **sent)
        else:
            answer = alices.patch("/user/bob/tier", {"tier_id": number})
        assert wrong_fields(answer) == ["tier_id"]

    def test_a_tier_that_is_not_there(self, app: Flask, alices: Caller) -> None:
        assert told(alices.patch("/user/bob/tier", {"tier_id": 99})) == (404, "Tier not found")
        assert wrong_fields(alices.patch("/user/bob/tier", {})) == ["tier_id"]

    def test_of_two_who_read_the_same_one_is_told(self, app: Flask, alices: Caller) -> None:
        read, pro = alices.get("/user/bob/tier").headers["ETag"], saved(app, "carol").tier_id
        alices.patch("/user/bob/tier", {"tier_id": None}, If_Match=read)
        none = alices.get("/user/bob/tier").headers["ETag"]

        late = alices.patch("/user/bob/tier", {"tier_id": pro}, If_Match=read)

        assert late.status_code == 412
        again = alices.patch("/user/bob/tier", {"tier_id": pro}, If_Match=none)
        assert again.status_code == 200
        with app.app_context():
            assert db.session.get_one(Tier, pro).name == "pro"
