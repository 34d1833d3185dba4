"""What the trail has on record is taken back from there, unless it was changed again since."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from app.audit.models import Event
from app.audit.undo import has_undo, put_back, undoable
from app.database import now
from app.errors import Refused, Stale
from app.extensions import db
from app.tiers import deeds
from app.tiers.models import RateLimit, Tier
from app.users import deeds as user_deeds
from app.users.models import User
from tests.audit.kept import keep, kept, told
from tests.conftest import forget_everything
from tests.people import Browser, make_cast, undo_of
from tests.tiers.screen import add_tier, limit_id, set_limit, words_of
from tests.users.saved import add, change, everything

State = dict[str, Any]
TOO_LATE = "This changed again since."


def state(app: Flask) -> State:
    """The tiers with their limits, and who is on which."""
    with app.app_context():
        return state_now()


def state_now() -> State:
    db.session.expire_all()
    tiers = db.session.scalars(Tier.all_by_name()).all()
    people = db.session.scalars(db.select(User).order_by(User.id)).unique()
    return {
        **{f"tier {each.id}": (each.name, each.mark, limits_of(each)) for each in tiers},
        **{user.username: user.tier_id for user in people},
    }


def limits_of(tier: Tier) -> dict[str, Any]:
    return {
        each.route: (each.methods, each.limit, each.period, each.observed) for each in tier.limits
    }


def hourly(limit: int, **more: Any) -> dict[str, Any]:
    return {"limit": limit, "every": 1, "unit": "hours", **more}


def change_limit(app: Flask, who: Browser, limit: int = 3, tier: str = "pro") -> None:
    who.post(f"/tiers/{tier}/limits/{limit_id(app, tier)}", hourly(limit))


def remove_limit(app: Flask, who: Browser) -> None:
    who.post(f"/tiers/pro/limits/{limit_id(app, 'pro')}/delete")


def observe(app: Flask, _who: Browser) -> None:
    with app.app_context():
        limit = db.session.scalars(Tier.by_name("pro")).one().limits[0]
        deeds.change_limit(limit, limit.limit, limit.period, observed=True)
        db.session.commit()


def edit_bob(_app: Flask, who: Browser) -> None:
    fields = {"name": "Bob", "username": "bob", "email": "bob@example.com"}
    who.post("/users/bob", {**fields, "tier": "pro"})


# Code: what is done, and what Undo says. There are two tiers more: gold with a limit, and bare.
Deed = Callable[[Flask, Browser], Any]
DEEDS: dict[str, tuple[Deed, str]] = {
    "tier.created": (
        lambda _app, who: who.post("/tiers", {"name": "silver"}),
        "Silver tier deleted again",
    ),
    "tier.renamed": (
        lambda _app, who: who.post("/tiers/pro", {"name": "best"}),
        "The tier is pro again",
    ),
    "tier.deleted": (
        lambda _app, who: who.post("/tiers/gold/delete"),
        "Gold is back with 1 limit",
    ),
    "limit.created": (
        lambda _app, who: who.post("/tiers/bare/limits", hourly(5, route="jobs.start")),
        "Limit for Background tasks removed again",
    ),
    "limit.changed": (change_limit, "Background tasks allows 10 requests per hour again"),
    "limit.changed, observed": (observe, "Background tasks allows 10 requests per hour again"),
    "limit.deleted": (remove_limit, "Background tasks allows 10 requests per hour again"),
    "tier.moved": (
        lambda _app, who: who.post("/users/bob/tier", {"tier": "pro"}),
        "Bob Baker is back on Free",
    ),
    "tier.moved, to none": (
        lambda _app, who: who.post("/users/bob/tier", {"tier": ""}),
        "Bob Baker is back on Free",
    ),
    "tier.moved, edited": (edit_bob, "Bob is back on Free"),
}


@pytest.fixture(autouse=True)
def more_tiers(app: Flask) -> None:
    add_tier(app, "gold")
    set_limit(app, "gold", 5, 60)
    add_tier(app, "bare")


@pytest.fixture
def dave(app: Flask) -> Browser:
    """Another operator."""
    add(app, "dave", "Dave Dune", "free", is_superuser=True)
    return Browser(app, "dave")


def last(app: Flask) -> Event:
    return kept(app)[-1]


def undo(who: Browser, event: Event) -> str:
    """Press Undo in the log; what the page that comes next says in its toast."""
    answer = who.post(f"/audit/{event.id}/undo", headers={"Referer": "http://localhost/audit"})
    assert (answer.status_code, answer.location) == (303, "/audit")
    return toast_of(who.get("/audit"))


def toast_of(answer: TestResponse) -> str:
    """What the newest toast says."""
    toasts = answer.text.partition('id="toasts"')[2].partition('id="failure"')[0]
    newest = toasts.rpartition('class="toast2"')[2]
    return words_of("<" + newest.partition("</p>")[0])


def buttons(who: Browser, path: str = "/audit") -> list[int]:
    """The ids of the entries that offer Undo."""
    parts = who.get(path).text.split('action="/audit/')[1:]
    return [int(part.partition("/")[0]) for part in parts]


@pytest.mark.parametrize("kind", DEEDS)
def test_undo_restores_what_was_and_is_on_record(app: Flask, alice: Browser, kind: str) -> None:
    before, (deed, sentence) = state(app), DEEDS[kind]
    deed(app, alice)
    event = last(app)
    assert event.action == kind.partition(",")[0]
    after = state(app)
    assert after != before
    assert event.id in buttons(alice)

    assert undo(alice, event) == sentence

    assert state(app) == before
    again = last(app)
    assert told(again)[0] == "Alice Archer"
    assert again.changes == {field: pair[::-1] for field, pair in event.changes.items()}
    assert event.id not in buttons(alice)
    # And it is undone itself, as any other entry.
    assert TOO_LATE not in undo(alice, again)
    assert state(app) == after


@pytest.mark.parametrize("kind", DEEDS)
def test_pressed_twice_it_counts_once(app: Flask, alice: Browser, kind: str) -> None:
    DEEDS[kind][0](app, alice)
    event = last(app)
    undo(alice, event)
    before = everything(app)

    assert undo(alice, event).startswith(TOO_LATE)

    assert everything(app) == before


@pytest.mark.parametrize("kind", DEEDS)
def test_of_two_operators_at_once_one_undoes_it(
    app: Flask, alice: Browser, dave: Browser, kind: str
) -> None:
    before = state(app)
    DEEDS[kind][0](app, alice)
    event, entries, start = last(app), len(kept(app)), Barrier(2)

    def press(who: Browser) -> str:
        start.wait()
        return undo(who, event)

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(press, (alice, dave)), key=lambda each: each.startswith(TOO_LATE))

    assert said[0] == DEEDS[kind][1]
    assert said[1].startswith(TOO_LATE)
    assert state(app) == before
    assert len(kept(app)) == entries + 1


@pytest.mark.parametrize("kind", ["limit.deleted", "limit.changed", "tier.created"])
def test_undo_and_another_change_at_once_wait_for_each_other(
    app: Flask, alice: Browser, dave: Browser, kind: str
) -> None:
    DEEDS[kind][0](app, alice)
    number, start = limit_id(app, "free"), Barrier(2)
    path, form = {
        "limit.deleted": ("/tiers/pro/limits", hourly(4, route="jobs.start")),
        "limit.changed": (f"/tiers/free/limits/{number}", hourly(4)),
        "tier.created": ("/users/bob/tier", {"tier": "silver"}),
    }[kind]
    event = last(app)

    def press(who: Browser, path: str, form: dict[str, Any]) -> int:
        start.wait()
        return who.post(path, form).status_code

    with ThreadPoolExecutor(2) as pool:
        sent = ((alice, f"/audit/{event.id}/undo", {}), (dave, path, form))
        statuses = list(pool.map(lambda each: press(*each), sent))

    assert set(statuses) <= {303, 422}
    stored = state(app)
    assert f"tier {stored['bob']}" in stored  # nobody falls off a tier that goes


def test_htmx_is_sent_to_the_same_page_with_its_filters(app: Flask, alice: Browser) -> None:
    change_limit(app, alice)
    headers = {"HX-Request": "true", "X-CSRFToken": alice.token}
    headers["Referer"] = "http://localhost/audit?group=tier&q=pro"

    answer = alice.client.post(f"/audit/{last(app).id}/undo", headers=headers)

    assert (answer.status_code, answer.text) == (204, "")
    assert answer.headers["HX-Redirect"] == "/audit?group=tier&q=pro"
    assert toast_of(alice.get("/audit")) == "Background tasks allows 10 requests per hour again"


def too_and_fro(app: Flask, who: Browser) -> None:
    """Change it, and back to what the entry left."""
    change_limit(app, who, 7)
    change_limit(app, who, 3)


def behind_the_trail(app: Flask, _who: Browser) -> None:
    set_limit(app, "pro", 3, 3600)
    set_limit(app, "pro", 4, 3600)
    set_limit(app, "pro", 3, 3600)


def deleted_and_brought_back(app: Flask, who: Browser) -> None:
    remove_limit(app, who)
    undo(who, last(app))


@pytest.mark.parametrize(
    "deed", [change_limit, too_and_fro, behind_the_trail, remove_limit, deleted_and_brought_back]
)
def test_a_limit_that_changed_again_since_stays(
    app: Flask, alice: Browser, dave: Browser, deed: Deed
) -> None:
    change_limit(app, alice, 8 if deed == change_limit else 3)
    event = last(app)
    deed(app, dave)
    before = everything(app)

    assert undo(alice, event) == f"{TOO_LATE} Open Pro to edit."

    assert everything(app) == before
    assert (event.id in buttons(alice)) == (deed == behind_the_trail)


def test_somebody_who_moved_to_and_fro_stays(app: Flask, alice: Browser) -> None:
    for tier in ("pro", "free", "pro"):
        alice.post("/users/bob/tier", {"tier": tier})
    before = everything(app)

    assert undo(alice, kept(app)[0]) == f"{TOO_LATE} Open Bob Baker to edit."

    assert everything(app) == before


def test_what_else_changes_does_not_stand_in_the_way(app: Flask, alice: Browser) -> None:
    """Another name of the tier and of the person, another limit, another tier of somebody else."""
    change_limit(app, alice)
    alice.post("/users/bob/tier", {"tier": "pro"})
    alice.post("/tiers/pro", {"name": "best"})
    alice.post("/tiers/free", {"name": "first"})
    alice.post("/users/carol/tier", {"tier": ""})
    alice.post("/users/bob", {**dict.fromkeys(("name", "username"), "rob"), "email": "r@x.org"})
    change(app, "bob", name="Rob")
    limit, move, *_ = kept(app)

    assert undo(alice, limit) == "Background tasks allows 10 requests per hour again"
    assert undo(alice, move) == "Rob is back on First"


def test_a_tier_that_another_operator_deleted_is_said_to_be(
    app: Flask, alice: Browser, dave: Browser
) -> None:
    change_limit(app, alice, tier="gold")
    alice.post("/tiers/gold", {"name": "silver"})
    changed, renamed = kept(app)
    dave.post("/tiers/silver/delete")
    before = everything(app)

    for event in (changed, renamed):
        said = undo(alice, event)
        assert said == f"{TOO_LATE} The tier {event.subject_name} is deleted."

    assert everything(app) == before


def test_another_tier_of_the_same_number_is_another_tier(app: Flask, alice: Browser) -> None:
    """SQLite gives the number of the newest tier again once it is deleted."""
    add_tier(app, "last")
    alice.post("/users/bob/tier", {"tier": "last"})
    alice.post("/users/bob/tier", {"tier": "free"})
    alice.post("/tiers/last/delete")
    _, left, deleted = kept(app)
    alice.post("/tiers", {"name": "newest"})
    before = state(app)

    assert undo(alice, left) == "The tier last is gone. Bring it back first, or choose another."
    assert state(app) == before
    assert undo(alice, deleted) == "Last is back with 0 limits"

    after = state(app)
    assert {name for name, *_ in tiers_in(after)} == {name for name, *_ in tiers_in(before)} | {
        "last"
    }


def tiers_in(stored: State) -> list[tuple[Any, ...]]:
    return [value for key, value in stored.items() if key.startswith("tier ")]


def test_a_name_that_is_taken_by_now_is_said(app: Flask, alice: Browser) -> None:
    alice.post("/tiers/gold/delete")
    add_tier(app, "gold")
    alice.post("/tiers/pro", {"name": "best"})
    add_tier(app, "pro")
    deleted, renamed = kept(app)
    before = everything(app)

    said = [undo(alice, deleted), undo(alice, renamed)]

    assert said == [
        "There is another tier named gold by now. Rename or delete it first.",
        "There is another tier named pro by now. Rename it first.",
    ]
    assert everything(app) == before


def test_a_new_tier_with_people_stays(app: Flask, alice: Browser) -> None:
    alice.post("/tiers", {"name": "silver"})
    event = last(app)
    alice.post("/users/bob/tier", {"tier": "silver"})

    assert undo(alice, event) == "1 user on Silver. Move them to another tier first."


def test_a_new_tier_that_was_given_a_limit_stays(app: Flask, alice: Browser) -> None:
    alice.post("/tiers", {"name": "silver"})
    event = last(app)
    alice.post("/tiers/silver/limits", hourly(5, route="jobs.start"))

    assert undo(alice, event) == f"{TOO_LATE} Open Silver to edit."


def test_a_route_that_is_not_limited_any_more_gets_no_limit(
    app: Flask, alice: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_limit(app, "gold", 5, 60, route="posts.create")
    remove_limit(app, alice)
    alice.post("/tiers/gold/delete")
    removed, deleted = kept(app)
    routes = app.extensions["limited_routes"]

    said = undo(alice, deleted)
    monkeypatch.setitem(app.extensions, "limited_routes", {})

    assert said == "Gold is back with 1 limit. Not limited any more: posts.create"
    refused = "jobs.start is not limited any more, so its limit cannot come back."
    assert undo(alice, removed) == refused
    assert routes


def test_somebody_deleted_is_not_moved(app: Flask, alice: Browser) -> None:
    alice.post("/users/bob/tier", {"tier": "pro"})
    event = last(app)
    change(app, "bob", deleted_at=now())

    assert undo(alice, event) == "Bob Baker is deleted. Restore them first."


def test_deleted_people_get_back_to_a_deleted_tier(app: Flask, alice: Browser) -> None:
    change(app, "bob", tier="gold", deleted_at=now())
    alice.post("/tiers/gold/delete")
    left, deleted = kept(app)
    assert (left.action, left.changes) == ("tier.moved", {"tier": ["gold", ""]})

    undo(alice, deleted)
    alice.post("/users/bob/restore")

    assert undo(alice, left) == "Bob Baker is back on Gold"


def test_the_toast_of_a_deleted_tier_brings_it_back(app: Flask, alice: Browser) -> None:
    before = state(app)
    alice.post("/tiers/gold/delete")
    address, fields = undo_of(alice.get("/tiers").text)

    alice.htmx_post(address, fields)

    assert state(app) == before


def test_what_a_command_did_is_undone_too(app: Flask, alice: Browser) -> None:
    before = state(app)
    for arguments in (
        ("limits", "set", "pro", "/tasks", "5", "60"),
        ("limits", "remove", "gold", "/tasks"),
        ("limits", "set", "bare", "/tasks", "5", "60"),
        ("users", "set-tier", "bob", "pro"),
    ):
        app.test_cli_runner().invoke(args=list(arguments))

    for event in kept(app):
        undo(alice, event)

    assert state(app) == before


def test_everybody_new_is_on_record_with_their_tier(app: Flask, alice: Browser) -> None:
    fields = {"name": "Grace Green", "username": "grace", "email": "grace@example.com"}
    alice.post("/users/new-user", {**fields, "tier": "free"})

    assert last(app).changes == {"tier": [None, "free"]}


def test_what_cannot_be_undone_is_not_found(app: Flask, alice: Browser) -> None:
    keep(app)
    before = everything(app)

    for number in (last(app).id, 999, 2**31, 10**30):
        assert alice.post(f"/audit/{number}/undo").status_code == 404
        assert alice.htmx_post(f"/audit/{number}/undo").status_code == 404

    assert buttons(alice) == []
    assert everything(app) == before


def test_nobody_else_undoes_anything(
    app: Flask, alice: Browser, bob: Browser, mallory: Browser, dave: Browser, stranger: Browser
) -> None:
    alice.post("/users/bob/tier", {"tier": "pro"})
    path = f"/audit/{last(app).id}/undo"
    before, entries = state(app), len(kept(app))

    for who in (bob, mallory):
        assert who.post(path).status_code == 403
        assert who.htmx_post(path).status_code == 403
    assert stranger.post(path).location == "/sign-in"
    assert alice.client.post(path).status_code == 400
    assert alice.get(path).status_code == 405
    change(app, "dave", is_superuser=False)
    assert dave.post(path).location == "/sign-in"
    assert Browser(app, "dave").post(path).status_code == 403
    change(app, "alice", deleted_at=now())
    assert alice.post(path).location == "/sign-in"

    assert (state(app), len(kept(app))) == (before, entries)
    assert buttons(bob, "/activity") == []


def test_activity_offers_no_undo_to_operators_either(app: Flask, alice: Browser) -> None:
    change_limit(app, alice)

    assert buttons(alice) == [last(app).id]
    assert buttons(alice, "/activity") == []


# At random

TIERS, PEOPLE = ("free", "pro", "new"), ("bob", "carol")
STEPS = st.one_of(
    st.tuples(st.just("add"), st.sampled_from(TIERS)),
    st.tuples(st.just("rename"), st.sampled_from(TIERS), st.sampled_from(TIERS)),
    st.tuples(st.just("delete"), st.sampled_from(TIERS)),
    st.tuples(st.just("limit"), st.sampled_from(TIERS), st.integers(1, 3), st.booleans()),
    st.tuples(st.just("limit"), st.sampled_from(TIERS), st.integers(1, 3), st.booleans()),
    st.tuples(st.just("unlimit"), st.sampled_from(TIERS)),
    st.tuples(st.just("move"), st.sampled_from(PEOPLE), st.sampled_from((None, *TIERS))),
    st.tuples(st.just("undo"), st.integers(0, 30)),
    st.tuples(st.just("undo"), st.integers(0, 3)),
)


class World:
    """Two tiers and four people, and what was so before each entry."""

    def __init__(self) -> None:
        forget_everything()
        make_cast()
        self.before: dict[int, tuple[State, State]] = {}

    def do(self, name: str, *values: Any) -> None:
        """A deed, or what keeps it from being done; what was so before and after is noted."""
        before = state_now()
        try:
            getattr(self, name)(*values)
            db.session.commit()
        except (Refused, Stale):
            db.session.rollback()
        after = state_now()
        for event in db.session.scalars(Event.newest()):
            self.before.setdefault(event.id, (before, after))

    def add(self, tier: str) -> None:
        if not db.session.scalar(Tier.by_name(tier)):
            deeds.add(Tier(name=tier))

    def rename(self, tier: str, name: str) -> None:
        found = db.session.scalar(Tier.by_name(tier))
        if found and not db.session.scalar(Tier.by_name(name)):
            deeds.rename(found, name)

    def delete(self, tier: str) -> None:
        if found := db.session.scalar(Tier.by_name(tier)):
            deeds.delete(found)

    def limit(self, tier: str, requests: int, observed: bool) -> None:
        found = db.session.scalar(Tier.by_name(tier))
        limit = found and found.limit_for("jobs.start")
        if limit:
            deeds.change_limit(limit, requests, 3600, observed)
        elif found:
            fields = {"route": "jobs.start", "methods": "POST", "period": 3600}
            deeds.add_limit(found, RateLimit(**fields, limit=requests, observed=observed))

    def unlimit(self, tier: str) -> None:
        found = db.session.scalar(Tier.by_name(tier))
        if found and (limit := found.limit_for("jobs.start")):
            deeds.remove_limit(found, limit)

    def move(self, person: str, tier: str | None) -> None:
        user = db.session.scalars(User.by_username(person)).unique().one()
        chosen = db.session.scalar(Tier.by_name(tier)) if tier else None
        if chosen or tier is None:
            user_deeds.move(user, chosen)

    def undo(self, back: int) -> None:
        events = [event for event in db.session.scalars(Event.newest()) if has_undo(event)]
        if not events:
            return
        event = events[back % len(events)]
        before, after, number, now = *self.before[event.id], event.id, state_now()
        is_offered = number in undoable([event])
        try:
            put_back(event)
            db.session.commit()
        except (Refused, Stale):
            db.session.rollback()
            assert state_now() == now
            assert not (is_offered and now == after)  # as it was left, nothing forbids it
        else:
            assert is_offered
            assert only_differs_where(now, state_now()) == only_differs_where(after, before)


def only_differs_where(one: State, other: State) -> dict[str, Any]:
    """What became of each thing that changed."""
    return {
        key: part
        for key in one.keys() | other.keys()
        if (part := changed(one.get(key), other.get(key)))
    }


def changed(one: Any, other: Any) -> Any:
    """Of a tier the parts that changed: an undo touches no other."""
    if isinstance(one, tuple) and isinstance(other, tuple):
        return [pair for pair in zip(one, other, strict=True) if pair[0] != pair[1]]
    return [(one, other)] if one != other else []


@pytest.fixture
def ground(prepared_app: Flask) -> Iterator[Flask]:
    with prepared_app.app_context():
        yield prepared_app


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(STEPS, min_size=6, max_size=15))
def test_undo_restores_exactly_what_was_or_nothing(ground: Flask, steps: list[Any]) -> None:
    world = World()
    for step in steps:
        world.do(*step)
