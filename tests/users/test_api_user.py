"""What programs do about a person: themselves, or as an operator anybody."""

import pytest
from flask import Flask

from tests.audit.kept import kept
from tests.audit.kept import told as who_did_what
from tests.auth.programs import Program
from tests.calls import Caller, told, wrong_fields
from tests.mailbox import mails_to
from tests.people import Browser
from tests.tokens.deeds import me, token_of
from tests.users.saved import add, change, everything, saved

NOT_YOURS = "You may open and change only your own account."
LAST_USE = ("last_seen_at", "seen_at", "idle_until", "used_at", "address")


@pytest.fixture
def bobs(app: Flask) -> Caller:
    return Caller(app, "bob")


@pytest.fixture
def alices(app: Flask) -> Caller:
    return Caller(app, "alice")


OWN_DOORS = [
    ("GET", "/user/{}", None),
    ("PATCH", "/user/{}", {}),
    ("PATCH", "/user/{}", {"nonsense": 1}),
    ("DELETE", "/user/{}", None),
    ("GET", "/user/{}/tier", None),
]


def test_nobody_learns_who_is_there(app: Flask, bobs: Caller) -> None:
    add(app, "gone", deleted_at=saved(app, "bob").created_at)
    before = everything(app, but=LAST_USE)

    for method, path, body in OWN_DOORS:
        for whom in ("carol", "alice", "gone", "nobody", "x" * 300):
            answer = bobs.ask(method, path.format(whom), body)
            assert told(answer) == (403, NOT_YOURS), (method, path, whom)
            stranger = Caller(app).ask(method, path.format(whom), body)
            assert stranger.status_code == 401, (method, path, whom)

    assert everything(app, but=LAST_USE) == before


def test_whoever_is_not_there_is_a_404_for_operators(app: Flask, alices: Caller) -> None:
    for method, path, body in OWN_DOORS:
        if body != {"nonsense": 1}:
            answer = alices.ask(method, path.format("nobody"), body)
            assert told(answer) == (404, "User not found"), (method, path)


class TestShow:
    def test_i_am_found_by_my_name_and_by_me(self, app: Flask, bobs: Caller) -> None:
        bob = saved(app, "bob")

        assert bobs.get("/user/bob").json == bobs.get("/user/me/").json
        assert bobs.get("/user/bob").json == {
            "id": bob.id,
            "name": "Bob Baker",
            "username": "bob",
            "email": "bob@example.com",
            "profile_image_url": None,
            "tier_id": bob.tier_id,
        }

    def test_operators_read_anybody(self, alices: Caller, bobs: Caller) -> None:
        assert alices.get("/user/bob").json == bobs.get("/user/bob").json

    def test_what_i_have_already_is_not_sent_again(self, app: Flask, bobs: Caller) -> None:
        first = bobs.get("/user/bob")

        assert bobs.get("/user/bob", If_None_Match=first.headers["ETag"]).status_code == 304
        change(app, "bob", name="Robert")
        assert bobs.get("/user/bob", If_None_Match=first.headers["ETag"]).json["name"] == "Robert"


class TestTier:
    def test_with_the_tier_and_without(self, app: Flask, bobs: Caller, alices: Caller) -> None:
        bob = saved(app, "bob")
        with_tier = bobs.get("/user/bob/tier").json

        assert (with_tier["tier_id"], with_tier["tier_name"]) == (bob.tier_id, "free")
        assert with_tier["tier_created_at"].endswith("Z")
        assert with_tier["username"] == "bob"
        change(app, "bob", tier_id=None)
        for caller in (bobs, alices):
            answer = caller.get("/user/bob/tier")
            assert (answer.status_code, answer.json) == (200, None)


class TestUpdate:
    def test_operators_change_anybody_on_record(self, app: Flask, alices: Caller) -> None:
        answer = alices.patch("/user/bob", {"name": "Robert", "username": "robert"})

        assert told(answer) == (200, "User updated")
        assert saved(app, "robert").name == "Robert"
        (changed,) = kept(app, "account.changed")
        assert who_did_what(changed) == ("Alice Archer", "account.changed", "Robert")

    def test_an_address_that_an_operator_gives_is_unconfirmed_and_the_old_one_told(
        self, app: Flask, alices: Caller
    ) -> None:
        change(app, "bob", email_confirmed_at=saved(app, "bob").created_at)

        assert told(alices.patch("/user/bob", {"email": "B@Example.net"}))[0] == 200

        bob = saved(app, "bob")
        assert (bob.email, bob.email_confirmed_at) == ("b@example.net", None)
        assert len(mails_to(app, "bob@example.com")) == 1
        assert told(alices.patch("/user/bob", {"email": "carol@example.com"})) == (
            422,
            "Email is already registered",
        )
        assert len(mails_to(app, "b@example.net")) == 0

    def test_nobody_changes_their_own_address_unconfirmed(
        self, app: Flask, bobs: Caller, alices: Caller
    ) -> None:
        for caller, name in ((bobs, "bob"), (alices, "alice"), (alices, "me")):
            new = caller.patch(f"/user/{name}", {"email": "new@example.com", "name": "Other"})
            assert wrong_fields(new) == ["email"]
        assert told(bobs.patch("/user/bob", {"email": "Bob@example.com"}))[0] == 200
        assert saved(app, "bob").email == "bob@example.com"
        assert saved(app, "alice").name == "Alice Archer"

    def test_of_two_who_read_the_same_one_is_told(self, app: Flask, bobs: Caller) -> None:
        read = bobs.get("/user/bob").headers["ETag"]
        assert bobs.patch("/user/bob", {"name": "First"}, If_Match=read).status_code == 200

        second = bobs.patch("/user/bob", {"name": "Second"}, If_Match=read)
        gone = bobs.delete("/user/bob", If_Match=read)

        assert (second.status_code, gone.status_code) == (412, 412)
        assert (saved(app, "bob").name, saved(app, "bob").is_deleted) == ("First", False)
        assert bobs.patch("/user/bob", {"name": "Third"}, If_Match="*").status_code == 200

    def test_a_token_that_reads_changes_nothing(self, app: Flask) -> None:
        reader = Caller(app, "bob", scope="read")

        assert reader.get("/user/bob").status_code == 200
        assert reader.patch("/user/bob", {"name": "Robert"}).status_code == 403
        assert reader.delete("/user/bob").status_code == 403
        assert saved(app, "bob").version == 1


class TestMe:
    """The word stands for whoever asks; nobody else is ever meant by it."""

    def test_it_is_the_caller_at_every_door(self, app: Flask) -> None:
        add(app, "me")  # from before the word was kept
        carols = Caller(app, "carol")

        assert carols.patch("/user/me", {"name": "Caroline"}).status_code == 200
        assert carols.get("/user/me/tier").json["username"] == "carol"
        assert carols.delete("/user/me").status_code == 200

        assert saved(app, "carol").is_deleted
        assert (saved(app, "me").name, saved(app, "me").is_deleted) == ("Me", False)

    def test_an_operator_who_says_me_never_deletes_another(
        self, app: Flask, alices: Caller
    ) -> None:
        add(app, "me")

        assert alices.delete("/db_user/me").status_code == 409
        assert alices.delete("/user/me").status_code == 409  # the last superuser
        assert not saved(app, "me").is_deleted

    @pytest.mark.parametrize("word", ["me", "user", "tier"])
    def test_nobody_new_is_called_like_an_address(
        self, app: Flask, bobs: Caller, alice: Browser, word: str
    ) -> None:
        assert wrong_fields(bobs.patch("/user/bob", {"username": word})) == ["username"]
        form = {"name": "No Body", "username": word, "email": "n@example.com", "tier": ""}
        assert alice.post("/users/new-user", form).status_code == 422


class TestDelete:
    def test_whoever_deletes_themselves_is_out_at_once(
        self, app: Flask, bobs: Caller, bob: Browser
    ) -> None:
        program = Program(app, "bob")

        assert told(bobs.delete("/user/bob")) == (200, "User deleted")

        assert saved(app, "bob").is_deleted
        assert bobs.get("/user/me/").status_code == 401
        assert (program.is_in(), program.refresh().status_code) == (False, 401)
        assert bob.get("/").status_code == 303
        (left,) = kept(app, "account.left")
        assert who_did_what(left) == ("Bob Baker", "account.left", "Bob Baker")
        assert len(mails_to(app, "bob@example.com")) == 1

    def test_an_operator_deletes_somebody_who_is_out_at_once(
        self, app: Flask, alices: Caller, bobs: Caller
    ) -> None:
        assert told(alices.delete("/user/bob")) == (200, "User deleted")

        assert bobs.get("/user/me/").status_code == 401
        (deleted,) = kept(app, "account.deleted")
        assert who_did_what(deleted) == ("Alice Archer", "account.deleted", "Bob Baker")
        assert alices.delete("/user/bob").status_code == 404

    def test_the_last_superuser_stays(self, app: Flask, alices: Caller) -> None:
        status, sentence = told(alices.delete("/user/alice"))

        assert status == 409
        assert sentence.startswith("You are the last superuser.")
        change(app, "carol", is_superuser=True)
        assert alices.delete("/user/alice").status_code == 200


def test_rights_that_end_end_at_the_next_request(app: Flask) -> None:
    change(app, "carol", is_superuser=True)
    token, program = token_of(app, "carol"), Program(app, "carol")
    assert me(app, token).status_code == 200

    change(app, "carol", is_superuser=False)

    assert me(app, token).status_code == 401
    assert not program.is_in()
    carols = Caller(app, "carol")
    assert carols.get("/users").status_code == 403
    change(app, "carol", active=False)
    assert carols.get("/user/carol").status_code == 401
