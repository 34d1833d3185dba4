"""What the database itself holds true of tiers and limits."""

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.extensions import db
from app.tiers.models import RateLimit, Tier
from tests.tiers.screen import limit_id, rules_of


@pytest.mark.parametrize("column", ["limit", "period"])
@pytest.mark.parametrize("value", ["0", "-1", "NULL"])
def test_no_stored_rule_can_switch_a_limit_off(app: Flask, column: str, value: str) -> None:
    statement = f'UPDATE rate_limits SET "{column}" = {value}'
    with app.app_context(), pytest.raises(IntegrityError):
        db.session.execute(text(statement))

    assert rules_of(app, "free") == {"jobs.start": (1, 3600)}


def test_a_route_has_one_limit_per_tier(app: Flask) -> None:
    with app.app_context():
        tier = db.session.scalars(Tier.by_name("free")).one()
        db.session.add(RateLimit(tier=tier, route="jobs.start", methods="POST", limit=5, period=60))
        with pytest.raises(IntegrityError):
            db.session.commit()


def test_a_name_is_given_once(app: Flask) -> None:
    with app.app_context():
        db.session.add(Tier(name="free"))
        with pytest.raises(IntegrityError):
            db.session.commit()


def test_limits_go_with_their_tier_even_without_the_application(app: Flask) -> None:
    with app.app_context():
        db.session.execute(text("UPDATE users SET tier_id = NULL"))
        db.session.execute(text("DELETE FROM tiers WHERE name = 'free'"))
        db.session.commit()
        left = db.session.scalars(db.select(RateLimit.limit)).all()

    assert left == [10]


def test_a_change_moves_the_version(app: Flask) -> None:
    identifier = limit_id(app, "pro")
    with app.app_context():
        limit = db.session.get_one(RateLimit, identifier)
        before = limit.version
        limit.limit = 11
        db.session.commit()
        assert limit.version == before + 1
        assert limit.updated_at


def test_a_label_is_a_heading(app: Flask) -> None:
    assert Tier(name="free").label == "Free"
    assert Tier(name="éclair").label == "Éclair"
