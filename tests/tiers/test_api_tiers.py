"""What programs do about tiers, and what everybody reads of them."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.extensions import db
from app.tiers.models import Tier
from tests.audit.kept import kept
from tests.calls import Caller, told, wrong_fields
from tests.users.saved import change, everything

LAST_USE = ("last_seen_at", "seen_at", "idle_until", "used_at", "address")
TAKEN = (422, "Tier Name not available")


@pytest.fixture
def alices(app: Flask) -> Caller:
    return Caller(app, "alice")


def names(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(select(Tier.name).order_by(Tier.id)))


def test_everybody_who_is_signed_in_reads_the_tiers(app: Flask) -> None:
    bobs = Caller(app, "bob")

    page = bobs.get("/tiers?items_per_page=1").json

    assert page["data"] == [bobs.get("/tier/free").json]
    assert page["data"][0].keys() == {"id", "name", "created_at"}
    assert page["data"][0]["created_at"].endswith("Z")
    rest = {key: value for key, value in page.items() if key != "data"}
    assert rest == {"total_count": 2, "has_more": True, "page": 1, "items_per_page": 1}
    assert bobs.get("/tiers?page=2&items_per_page=1").json["has_more"] is False
    assert wrong_fields(bobs.get("/tiers?page=0")) == ["page"]
    assert told(bobs.get("/tier/none")) == (404, "Tier not found")
    etag = bobs.get("/tier/free").headers["ETag"]
    assert bobs.get("/tier/free", If_None_Match=etag).status_code == 304
    assert Caller(app).get("/tiers").status_code == 401
    assert Caller(app).get("/tier/free").status_code == 401


def test_only_operators_change_them(app: Flask) -> None:
    bobs, before = Caller(app, "bob"), everything(app, but=LAST_USE)
    doors: list[tuple[str, str, Any]] = [
        ("POST", "/tier", {"nonsense": 1}),
        ("PATCH", "/tier/free", {"nonsense": 1}),
        ("DELETE", "/tier/free", None),
        ("PATCH", "/tier/none", {}),
    ]

    for method, path, body in doors:
        assert bobs.ask(method, path, body).status_code == 403, path
        assert Caller(app).ask(method, path, body).status_code == 401, path

    assert everything(app, but=LAST_USE) == before


def test_a_tier_is_made_renamed_and_deleted_on_record(app: Flask, alices: Caller) -> None:
    made = alices.post("/tier", {"name": " Very  big "})

    assert made.status_code == 201
    assert made.headers["Location"] == "/api/v1/tier/Very%20big"
    assert made.json == alices.get("/tier/Very big").json
    assert told(alices.patch("/tier/Very big", {"name": "big"})) == (200, "Tier updated")
    assert told(alices.patch("/tier/big", {})) == (200, "Tier updated")
    assert names(app) == ["free", "pro", "big"]
    assert told(alices.delete("/tier/big")) == (200, "Tier deleted")
    assert names(app) == ["free", "pro"]
    actions = [(each.actor_name, each.action) for each in kept(app)]
    codes = ("tier.created", "tier.renamed", "tier.deleted")
    assert actions == [("Alice Archer", code) for code in codes]


def test_bad_names(app: Flask, alices: Caller) -> None:
    for name in ("", " ", "x" * 65, "a/b", "..", None, 5, ["x"]):
        assert wrong_fields(alices.post("/tier", {"name": name})) == ["name"]
        assert wrong_fields(alices.patch("/tier/free", {"name": name})) == ["name"]
    assert wrong_fields(alices.post("/tier", {"name": "x", "limit": 1})) == ["limit"]
    assert names(app) == ["free", "pro"]


def test_a_name_is_given_once(app: Flask, alices: Caller) -> None:
    assert told(alices.post("/tier", {"name": "pro"})) == TAKEN
    assert told(alices.post("/tier", {"name": "pro"}, Idempotency_Key="k")) == TAKEN
    assert told(alices.patch("/tier/free", {"name": "pro"})) == TAKEN
    assert names(app) == ["free", "pro"]


def test_a_tier_with_users_stays_and_says_how_many(app: Flask, alices: Caller) -> None:
    sentence = "2 users on Free. Move them to another tier first."

    assert told(alices.delete("/tier/free")) == (409, sentence)

    assert names(app) == ["free", "pro"]
    for who in ("bob", "mallory"):
        change(app, who, tier="pro")
    assert alices.delete("/tier/free").status_code == 200


def test_an_unreadable_version_is_none_and_a_star_is_any(alices: Caller) -> None:
    for version, status in (("", 412), (",", 412), ("W/", 412), ("x", 412), ("*", 200)):
        answer = alices.patch("/tier/pro", {"name": "pro"}, If_Match=version)
        assert answer.status_code == status, version


def test_of_two_who_read_the_same_one_is_told(app: Flask, alices: Caller) -> None:
    read = alices.get("/tier/free").headers["ETag"]
    assert alices.patch("/tier/free", {"name": "basic"}, If_Match=read).status_code == 200

    assert alices.patch("/tier/basic", {"name": "plain"}, If_Match=read).status_code == 412
    assert alices.delete("/tier/basic", If_Match=read).status_code == 412
    assert names(app) == ["basic", "pro"]


class TestOnce:
    def test_the_same_key_makes_one_tier(self, app: Flask, alices: Caller) -> None:
        first = alices.post("/tier", {"name": "big"}, Idempotency_Key="k")
        again = alices.post("/tier", {"name": "big"}, Idempotency_Key="k")
        other = alices.post("/tier", {"name": "bigger"}, Idempotency_Key="k")

        assert (again.status_code, again.json) == (201, first.json)
        assert again.headers["Location"] == first.headers["Location"]
        assert other.status_code == 422
        assert wrong_fields(alices.post("/tier", {}, Idempotency_Key="n")) == ["name"]
        assert alices.post("/tier", {"name": "x"}, Idempotency_Key="x" * 256).status_code == 422
        assert names(app) == ["free", "pro", "big"]

    def test_of_ten_at_once_one_makes_it(self, app: Flask, alices: Caller) -> None:
        def ask(_number: int) -> tuple[int, int]:
            answer = alices.post("/tier", {"name": "big"}, Idempotency_Key="k")
            return answer.status_code, answer.json["id"]

        with ThreadPoolExecutor(10) as pool:
            answers = set(pool.map(ask, range(10)))

        assert len(answers) == 1
        assert next(iter(answers))[0] == 201
        with app.app_context():
            assert db.session.scalar(select(func.count()).select_from(Tier)) == 3
