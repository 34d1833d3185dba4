"""The data verbs: what they find, change and refuse, on both databases."""

import doctest
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from pydantic import BaseModel

from app import crud, patterns
from app.crud import CRUD, ManyFound, NotFound
from app.extensions import db
from app.tiers.models import Tier
from app.users.models import User
from tests.statements import statements


class Card(BaseModel):
    """Some of a person, and something that is no column."""

    username: str
    tier_id: int | None = None
    shoe_size: int = 0


class Newcomer(BaseModel):
    name: str
    username: str
    email: str
    time_zone: str = "Europe/Paris"


@pytest.fixture
def users(app: Flask) -> Iterator[CRUD[User]]:
    with app.app_context():
        yield CRUD(User)
        db.session.rollback()


@pytest.fixture
def none_there(app: Flask) -> Iterator[dict[str, Any]]:
    with app.app_context():
        db.session.query(User).delete()
        db.session.query(Tier).delete()
        yield {"db": db, "User": User, "Tier": Tier}
        db.session.rollback()


@pytest.mark.parametrize("place", ["docs/data.md", "app/crud.py"])
def test_the_examples_are_true(app: Flask, none_there: dict[str, Any], place: str) -> None:
    if place.endswith(".md"):
        failed, tried = doctest.testfile(f"../{place}", globs=none_there)
        assert tried > 20
    else:
        ids_begin_anew()
        failed, tried = doctest.testmod(crud, extraglobs=none_there)
        assert tried > 3
    assert failed == 0


def test_the_examples_of_patterns_are_true() -> None:
    assert doctest.testmod(patterns) == (0, 2)


def ids_begin_anew() -> None:
    if db.engine.dialect.name == "postgresql":
        db.session.execute(db.text("SELECT setval('users_id_seq', 1, false)"))


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"username": "bob"}, ["bob"]),
        ({"username__eq": "bob"}, ["bob"]),
        ({"username__ne": "bob"}, ["alice", "carol", "mallory"]),
        ({"last_seen_at": None}, ["alice", "bob", "carol", "mallory"]),
        ({"last_seen_at__is_not": None}, []),
        ({"last_seen_at__ne": None}, []),
        ({"id__gt": 2, "id__lte": 3}, ["carol"]),
        ({"id__gte": 4}, ["mallory"]),
        ({"id__lt": 2}, ["alice"]),
        ({"id__between": (2, 3)}, ["bob", "carol"]),
        ({"username__in": ["bob", "eve"]}, ["bob"]),
        ({"username__in": []}, []),
        ({"username__not_in": {"bob", "alice"}}, ["carol", "mallory"]),
        ({"name__like": "%Baker"}, ["bob"]),
        ({"name__not_like": "%Baker"}, ["alice", "carol", "mallory"]),
        ({"name__ilike": "BOB%"}, ["bob"]),
        ({"name__not_ilike": "BOB%"}, ["alice", "carol", "mallory"]),
        ({"name__contains": "%"}, []),
        ({"name__contains": "COOP"}, []),
        ({"name__like": "carol%"}, []),
        ({"name__like": "C_rol%"}, ["carol"]),
        ({"name__like": r"C\_rol%"}, []),
        ({"name__like": "[AC]%"}, []),
        ({"name__ilike": r"c\arol%"}, ["carol"]),
        ({"username__startswith": "MA"}, []),
        ({"name__startswith": "C*"}, []),
        ({"name__icontains": "COOP"}, ["carol"]),
        ({"username__startswith": "ma"}, ["mallory"]),
        ({"username__endswith": "ol"}, ["carol"]),
        ({"id__or": {"lt": 2, "gt": 3}}, ["alice", "mallory"]),
        ({"id__not": {"lt": 2, "gt": 3}}, ["bob", "carol"]),
        ({"is_superuser__is": True}, ["alice"]),
    ],
)
def test_filters(users: CRUD[User], filters: dict[str, Any], names: list[str]) -> None:
    rows = users.get_multi(["username"], sort="username", **filters)

    assert [row["username"] for row in rows["data"]] == names
    assert rows["total_count"] == users.count(**filters) == len(names)
    assert users.exists(**filters) == bool(names)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"user_name": "bob"}, "User has no column 'user_name'. Did you mean username"),
        ({"tier": "x"}, "User has no column 'tier'. Did you mean tier_id"),
        ({"id__above": 1}, "There is no operator 'above'."),
        ({"id__in": "12"}, "Give several values in a list, not '12'."),
        ({"id__between": [1]}, "Give the lowest and the highest value, not 1."),
        ({"id__": 1}, "There is no operator ''."),
        ({"id__or": {}}, "Give id__or a dict of operators and values"),
        ({"id__not": [1]}, "Give id__not a dict of operators and values"),
        ({"name__contains": 5}, "Give a text, not 5."),
        ({"sort": "-nam"}, "User has no column 'nam'. Did you mean name"),
        ({"sort": "--name"}, "User has no column '-name'. Did you mean name"),
        ({"sort": ["", "name"]}, "User has no column ''."),
        ({"sort_columns": "nam"}, "User has no column 'nam'. Did you mean name"),
        ({"sort_columns": "name", "sort_orders": "down"}, "Say asc or desc"),
        ({"sort_columns": ["name", "id"], "sort_orders": ["asc"]}, "Say asc or desc"),
        ({"columns": "name"}, "Give several values in a list, not 'name'."),
        ({"columns": []}, "Nothing of User is named"),
        ({"tier_id__in": [1, None]}, "None equals nothing in a list"),
        ({"tier_id__not_in": [1, None]}, "None equals nothing in a list"),
        ({"columns": ["nam"]}, "User has no column 'nam'. Did you mean name"),
        ({"page": 0}, "Pages are counted from 1"),
        ({"limit": 0}, "Pages are counted from 1"),
        ({"offset": -1}, "Pages are counted from 1"),
        ({"page": 2, "offset": 3}, "Say which page, or how many rows to pass over"),
    ],
)
def test_what_is_not_known_is_said(users: CRUD[User], asked: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence.replace("(", r"\(")):
        users.get_multi(**asked)


def test_a_name_that_a_record_does_not_have_is_said(users: CRUD[User]) -> None:
    with pytest.raises(ValueError, match="User has no column 'nmae'"):
        users.create({"nmae": "Eve"})
    with pytest.raises(ValueError, match="There is no join 'right'"):
        users.get_multi_joined(Tier, how="right", prefix="tier_")


def test_a_schemas_defaults_are_made_but_change_nothing(users: CRUD[User]) -> None:
    eve = users.create(Newcomer(name="Eve", username="eve", email="eve@example.com"))
    assert eve.time_zone == "Europe/Paris"

    users.update({"time_zone": "Asia/Tokyo"}, username="eve")
    users.update(Newcomer(name="Eva", username="eve", email="eve@example.com"), username="eve")

    assert (eve.name, eve.time_zone) == ("Eva", "Asia/Tokyo")


def test_what_is_computed_is_neither_changed_nor_read_unless_it_is_named(
    users: CRUD[User],
) -> None:
    tiers = CRUD(Tier)
    with pytest.raises(ValueError, match="Tier has no column 'people'"):
        tiers.update({"people": 5}, name="free")

    assert "people" not in (tiers.get_joined(User, on=User.tier_id == Tier.id, prefix="u_") or {})
    assert tiers.get(["people"], name="free") == {"people": 2}


def test_a_schema_chooses_the_columns(users: CRUD[User]) -> None:
    assert users.get(Card, username="bob") == {"username": "bob", "tier_id": 1}


def test_pages(users: CRUD[User]) -> None:
    pages = [users.get_multi(["id"], page=page, items_per_page=3) for page in (1, 2, 3)]

    assert [[row["id"] for row in page["data"]] for page in pages] == [[1, 2, 3], [4], []]
    assert [page["has_more"] for page in pages] == [True, False, False]
    assert users.get_multi(with_total=False)["total_count"] is None


def test_parts_by_how_many_are_passed_over(users: CRUD[User]) -> None:
    part = users.get_multi(["id"], offset=2, limit=2, sort_columns=["id"], sort_orders=["desc"])
    whole = users.get_multi_joined(Tier, offset=3, limit=3, sort_columns="id", columns=["id"])

    assert [row["id"] for row in part["data"]] == [2, 1]
    assert (part["page"], part["items_per_page"], part["has_more"]) == (2, 2, False)
    assert [row["id"] for row in whole["data"]] == [4]


@pytest.mark.parametrize("filters", [{"name__startswith": "a_"}, {"name__endswith": "_b"}])
def test_what_is_loaded_sees_whatever_the_database_changed(
    users: CRUD[User], filters: dict[str, Any]
) -> None:
    bob = users.get(username="bob")
    users.update({"name": "a_b"}, username="bob")

    assert users.update({"name": "Robert"}, allow_multiple=True, **filters) == 1
    assert bob is not None
    assert bob.name == "Robert"


def test_a_condition_that_says_nothing_changes_nobody(users: CRUD[User]) -> None:
    with pytest.raises(ValueError, match="Give name__not"):
        users.update({"name": "x"}, allow_multiple=True, name__not={})
    assert users.count(name="x") == 0


def test_a_change_is_on_record_of_the_row_and_of_what_is_loaded(users: CRUD[User]) -> None:
    bob = users.get(username="bob")
    version = bob.version

    users.update({"name": "Robert"}, username="bob")

    assert (bob.name, bob.version) == ("Robert", version + 1)
    assert bob.updated_at is not None


def test_several_are_changed_only_when_it_is_said(users: CRUD[User]) -> None:
    with pytest.raises(ManyFound):
        users.update({"name": "Nobody"}, id__gt=1)
    assert users.count(name="Nobody") == 0

    assert users.update({"name": "Nobody"}, allow_multiple=True, id__gt=1) == 3


@pytest.mark.parametrize("verb", ["update", "delete", "db_delete"])
def test_nobody_is_not_found(users: CRUD[User], verb: str) -> None:
    arguments = [{"name": "x"}] if verb == "update" else []

    with pytest.raises(NotFound, match="There is no User with username='eve'"):
        getattr(users, verb)(*arguments, username="eve")


def test_where_nobody_catches_it_it_is_a_404(app: Flask) -> None:
    with app.test_request_context(), pytest.raises(NotFound) as caught:
        CRUD(User).delete(username="eve")

    assert caught.value.code == 404
    with app.test_request_context("/api/v1/user/eve"):
        assert app.make_response(app.handle_user_exception(caught.value)).status_code == 404


def test_the_deleted_are_not_there(users: CRUD[User]) -> None:
    users.delete(username="bob")

    assert users.get(username="bob") is None
    assert users.count() == 3
    assert users.count(with_deleted=True) == 4
    with pytest.raises(NotFound):
        users.update({"name": "x"}, username="bob")
    with pytest.raises(NotFound):
        users.delete(username="bob")
    assert users.db_delete(username="bob") == 1
    assert not users.exists(with_deleted=True, username="bob")


def test_a_model_without_soft_deletion_loses_the_row(users: CRUD[User]) -> None:
    tiers = CRUD(Tier)
    tiers.create({"name": "gone"})

    assert tiers.delete(name="gone") == 1
    assert not tiers.exists(with_deleted=True, name="gone")


def test_joins(users: CRUD[User]) -> None:
    users.update({"tier_id": None}, username="bob")
    names = {"columns": ["username"], "join_columns": ["name"], "prefix": "tier_"}

    left = users.get_multi_joined(Tier, sort="username", **names)
    inner = users.get_multi_joined(Tier, how="inner", items_per_page=2, **names)

    assert left["data"][:2] == [
        {"username": "alice", "tier_name": "pro"},
        {"username": "bob", "tier_name": None},
    ]
    assert (left["total_count"], inner["total_count"], inner["has_more"]) == (4, 3, True)
    assert users.get_joined(Tier, username="eve", **names) is None


def test_pages_of_a_join_have_each_pair_once(users: CRUD[User]) -> None:
    users.update({"name": "Bob"}, username="bob")  # PostgreSQL puts what was changed last
    options = {"on": User.tier_id == Tier.id, "columns": ["name"], "join_columns": ["username"]}
    pages = [
        CRUD(Tier).get_multi_joined(User, page=page, items_per_page=1, name="free", **options)
        for page in (1, 2)
    ]

    assert [page["data"][0]["username"] for page in pages] == ["bob", "mallory"]
    order = str(CRUD(Tier).select_joined(User, **options)).partition("ORDER BY")[2]
    assert order.split() == ["tiers.id,", "users.id"]


def test_who_is_deleted_is_not_joined_either(users: CRUD[User]) -> None:
    tiers = CRUD(Tier)
    users.delete(username="bob")
    names = {"columns": ["name"], "join_columns": ["username"], "on": User.tier_id == Tier.id}

    free = tiers.get_multi_joined(User, name="free", **names)["data"]
    every = tiers.get_multi_joined(User, name="free", with_deleted=True, **names)["data"]

    assert [row["username"] for row in free] == ["mallory"]
    assert len(every) == 2


@pytest.mark.parametrize(
    ("act", "many"),
    [
        (lambda users: users.get(username="bob"), 1),
        (lambda users: users.get_joined(Tier, username="bob", prefix="tier_"), 1),
        (lambda users: users.exists(username="bob"), 1),
        (lambda users: users.count(), 1),
        (lambda users: users.get_multi(), 2),
        (lambda users: users.get_multi(with_total=False), 1),
        (lambda users: users.get_multi_joined(Tier, prefix="tier_"), 2),
        (lambda users: users.update({"name": "X"}, username="bob"), 2),
        (lambda users: users.update({"name": "X"}, allow_multiple=True), 1),
        (lambda users: users.delete(username="bob"), 2),
        (lambda users: users.db_delete(username="bob"), 2),
        (lambda users: users.delete(allow_multiple=True), 1),
    ],
)
def test_the_statements_are_as_many_as_is_said(
    app: Flask, users: CRUD[User], act: Any, many: int
) -> None:
    with statements(app) as said:
        act(users)

    assert len(said) == many
