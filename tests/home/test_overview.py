"""The overview: my tier, my limits, my tasks, and starting one."""

import re

import pytest
from flask import Flask

from app.extensions import db
from app.users.models import User
from tests.people import Browser


def test_a_person_sees_their_tier_limits_and_where_to_start(bob: Browser) -> None:
    page = bob.get("/")

    assert page.status_code == 200
    assert "<strong>Free</strong> tier" in page.text
    assert "of 1 used" in page.text
    assert "Demonstration" in page.text
    assert "No tasks yet" in page.text
    assert re.search(r"<title>Overview · Gatehouse</title>", page.text)


def test_limits_follow_the_tier(carol: Browser) -> None:
    page = carol.get("/")

    assert "<strong>Pro</strong> tier" in page.text
    assert "of 10 used" in page.text


def test_what_was_started_is_listed_and_counted(bob: Browser) -> None:
    bob.post("/tasks", {"task": "demonstration", "message": "My <first> task"})

    page = bob.get("/")

    assert "My &lt;first&gt; task" in page.text
    assert "My <first>" not in page.text
    assert "Limit reached" in page.text
    assert "you have used the only one per hour" in page.text


def test_nobody_sees_what_others_started(bob: Browser, carol: Browser) -> None:
    bob.post("/tasks", {"task": "demonstration", "message": "Bobs own"})

    assert "Bobs own" not in carol.get("/").text


def test_only_operators_are_offered_what_only_they_may_start(alice: Browser, bob: Browser) -> None:
    assert "Users export" in alice.get("/").text
    assert "Users export" not in bob.get("/").text


def test_only_operators_see_the_way_to_operate(alice: Browser, bob: Browser) -> None:
    for address in ('href="/users"', 'href="/tiers"', 'href="/system"'):
        assert address in alice.get("/").text
        assert address not in bob.get("/").text


def test_without_a_tier_the_default_applies_and_is_said(app: Flask, bob: Browser) -> None:
    with app.app_context():
        user = db.session.scalars(User.by_username("bob")).unique().one()
        user.move_to(None)
        db.session.commit()

    page = bob.get("/")

    assert page.status_code == 200
    assert "no tier" in page.text
    assert f"of {app.config['SETTINGS'].default_rate_limit_limit} used" in page.text


def test_looking_costs_no_quota(bob: Browser) -> None:
    for _ in range(3):
        page = bob.get("/")

    assert '<span class="strong">0</span> of 1 used' in page.text


def test_a_stranger_is_asked_to_sign_in_and_comes_back(stranger: Browser) -> None:
    answer = stranger.get("/")

    assert answer.status_code == 303
    assert answer.location.startswith("/sign-in")


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_the_overview_takes_nothing(bob: Browser, method: str) -> None:
    headers = {"X-CSRFToken": bob.token}

    assert getattr(bob.client, method)("/", headers=headers).status_code == 405


def test_each_place_is_marked_in_the_menu_where_one_is(alice: Browser) -> None:
    for path, name in (("/", "Overview"), ("/tasks", "Tasks"), ("/users/bob", "Users")):
        current = re.findall(
            r'<a class="nav-link2"[^>]*aria-current="page">(.*?)</a>', alice.get(path).text, re.S
        )
        assert len(current) == 1
        assert name in current[0]
