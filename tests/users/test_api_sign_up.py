"""Programs make accounts where sign-up is open: POST /user."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select

from app import passwords
from app.extensions import db
from app.repeats import KeptAnswer
from app.users.models import User
from app.users.schemas import UserCreate
from tests.audit.kept import kept
from tests.calls import Caller, told, wrong_fields
from tests.mailbox import link_to, mails_to
from tests.people import Browser
from tests.users.saved import add, change, everything, exists, saved

DORA = {
    "name": " Dora  Drake ",
    "username": "dora",
    "email": "Dora@Example.com",
    "password": "seven green bottles",
}


@pytest.fixture
def stranger_calls(app: Flask) -> Caller:
    return Caller(app)


def closed(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = app.config["SETTINGS"].model_copy(update={"sign_up": "closed"})
    monkeypatch.setitem(app.config, "SETTINGS", settings)


def test_a_stranger_gets_an_account_on_the_first_tier(app: Flask, stranger_calls: Caller) -> None:
    answer = stranger_calls.post("/user", DORA)

    dora = saved(app, "dora")
    assert answer.status_code == 201
    assert answer.headers["Location"] == "/api/v1/user/dora"
    assert answer.json == {
        "id": dora.id,
        "name": "Dora Drake",
        "username": "dora",
        "email": "dora@example.com",
        "profile_image_url": None,
        "tier_id": saved(app, "bob").tier_id,
    }
    assert (dora.is_superuser, dora.active, dora.email_confirmed_at) == (False, True, None)
    form = {"username": "dora", "password": DORA["password"]}
    assert app.test_client().post("/api/v1/login", data=form).status_code == 200
    signed_up = kept(app, "account.signed_up")
    assert [(each.actor_id, each.subject_id) for each in signed_up] == [(dora.id, dora.id)]


def test_the_address_is_confirmed_by_the_link_that_is_mailed(
    app: Flask, stranger_calls: Caller, stranger: Browser
) -> None:
    stranger_calls.post("/user", DORA)

    stranger.post(link_to(app, "dora@example.com"))

    assert saved(app, "dora").email_confirmed_at is not None


def test_without_mail_there_is_an_account_and_no_letter(
    app: Flask, stranger_calls: Caller, without_mail: None
) -> None:
    assert stranger_calls.post("/user", DORA).status_code == 201

    assert mails_to(app, "dora@example.com") == []


def test_whose_account_a_signed_in_caller_made_is_on_record(app: Flask) -> None:
    assert Caller(app, "bob").post("/user", DORA).status_code == 201

    (created,) = kept(app, "account.created")
    assert (created.actor_name, created.subject_name) == ("Bob Baker", "Dora Drake")
    assert Caller(app, "bob", scope="read").post("/user", DORA).status_code == 403


def test_closed_sign_up_is_closed_before_anything_is_read(
    app: Flask, stranger_calls: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed(app, monkeypatch)

    for body in (DORA, {}):
        answer = stranger_calls.post("/user", body)
        assert told(answer)[0] == 403
        assert told(answer)[1].startswith("Sign-up is closed here.")
    assert not exists(app, "dora")


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("username", "bob", "Username not available"),
        ("email", "BOB@example.com", "Email is already registered"),
    ],
)
def test_what_is_taken_is_told_in_the_words_of_the_contract(
    app: Flask, stranger_calls: Caller, field: str, value: str, sentence: str
) -> None:
    before = everything(app)

    assert told(stranger_calls.post("/user", {**DORA, field: value})) == (422, sentence)

    assert everything(app) == before


def test_the_name_of_somebody_deleted_is_free(app: Flask, stranger_calls: Caller) -> None:
    add(app, "dora", deleted_at=saved(app, "bob").created_at)

    assert stranger_calls.post("/user", DORA).status_code == 201


BAD: list[tuple[str, Any]] = [
    ("name", "x"),
    ("name", 7),
    ("username", "Dora!"),
    ("username", "me"),
    ("username", "user"),
    ("email", "nowhere"),
    ("password", "1234567"),
    ("password", "password1"),
    ("password", "x" * 129),
    ("password", "my dora is great"),
    ("password", None),
    ("is_superuser", True),
    ("tier_id", 2),
    ("profile_image_url", "https://example.com"),
]


def test_bad_input_is_refused_at_its_field_without_the_value(
    app: Flask, stranger_calls: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "HASHER", None)  # nothing is hashed in vain

    for field, value in BAD:
        answer = stranger_calls.post("/user", {**DORA, field: value})
        assert wrong_fields(answer) == [field], (field, value)
        assert len(str(value)) < 6 or str(value) not in answer.text
    assert wrong_fields(stranger_calls.post("/user", {})) == list(UserCreate.model_fields)
    assert not exists(app, "dora")


def test_twenty_tries_an_hour_from_an_address_together_with_the_page(
    app: Flask, stranger_calls: Caller, stranger: Browser
) -> None:
    pages = [stranger.post("/sign-up", {}).status_code for _ in range(10)]
    calls = [stranger_calls.post("/user", {}).status_code for _ in range(10)]

    refused = stranger_calls.post("/user", DORA)

    assert {*pages, *calls} == {422}
    assert told(refused) == (429, "Rate limit exceeded.")
    assert 1 <= int(refused.headers["Retry-After"]) <= 3601
    assert refused.json["retry_after"] == int(refused.headers["Retry-After"])
    elsewhere = {"REMOTE_ADDR": "198.51.100.7"}
    client = app.test_client()
    assert client.post("/api/v1/user", json=DORA, environ_overrides=elsewhere).status_code == 201


class TestOnce:
    def test_the_same_key_makes_one_account(self, app: Flask, stranger_calls: Caller) -> None:
        first = stranger_calls.post("/user", DORA, Idempotency_Key="k")
        again = stranger_calls.post("/user", DORA, Idempotency_Key="k")
        other = stranger_calls.post("/user", {**DORA, "name": "Dor"}, Idempotency_Key="k")

        assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
        assert again.json == first.json
        assert again.headers["Idempotency-Replayed"] == "true"
        assert "another request" in other.json["detail"]

    def test_of_ten_at_once_one_makes_it(self, app: Flask, stranger_calls: Caller) -> None:
        def ask(_number: int) -> tuple[int, Any]:
            answer = stranger_calls.post("/user", DORA, Idempotency_Key="k")
            return answer.status_code, answer.json.get("id")

        with ThreadPoolExecutor(10) as pool:
            answers = list(pool.map(ask, range(10)))

        # Only so many may hash at once: the others are told to come back.
        assert {status for status, _ in answers} <= {201, 503}
        assert {number for status, number in answers if status == 201} == {saved(app, "dora").id}
        assert len(kept(app, "account.signed_up")) == 1

    def test_nobody_else_waits_while_a_password_is_hashed(
        self, app: Flask, stranger_calls: Caller
    ) -> None:
        order: list[str] = []
        hashing = passwords.HASHER.hash

        class Watched:
            def hash(self, password: bytes) -> str:
                order.append("hash")
                return hashing(password)

        def note(*details: Any) -> None:
            order.append(str(details[2]).split()[0])

        with app.app_context():
            engine = db.engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(passwords, "HASHER", Watched())
                stranger_calls.post("/user", DORA, Idempotency_Key="k")
        finally:
            event.remove(engine, "before_cursor_execute", note)

        assert order.count("hash") == 1
        assert "INSERT" not in order[: order.index("hash")]

    def test_no_quick_hash_of_the_password_is_kept(
        self, app: Flask, stranger_calls: Caller
    ) -> None:
        stranger_calls.post("/user", DORA, Idempotency_Key="k")

        with app.app_context():
            (row,) = db.session.scalars(select(KeptAnswer))
            before = row.asked
            db.session.delete(row)
            db.session.delete(db.session.scalar(User.by_username("dora")))
            db.session.commit()
        key, app.secret_key = app.secret_key, "another key, as long as it has to be"
        try:
            stranger_calls.post("/user", DORA, Idempotency_Key="k")
        finally:
            app.secret_key = key
        with app.app_context():
            assert db.session.scalars(select(KeptAnswer.asked)).all() != [before]


def test_a_token_that_is_not_valid_makes_nobody_a_stranger(app: Flask) -> None:
    headers = {"Authorization": "Bearer expired"}

    answer = app.test_client().post("/api/v1/user", json=DORA, headers=headers)

    assert answer.status_code == 401
    assert not exists(app, "dora")


def test_a_mailbox_is_not_flooded_by_accounts_that_come_and_go(
    app: Flask, stranger_calls: Caller
) -> None:
    for number in range(7):
        stranger_calls.post("/user", {**DORA, "username": f"dora{number}"})
        mails_to(app, "dora@example.com")
        change(app, f"dora{number}", deleted_at=saved(app, "bob").created_at)

    assert len(mails_to(app, "dora@example.com")) == 5
