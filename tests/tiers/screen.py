"""Reading an answer as a person would: what is stored, what is wrong, where the focus goes."""

import re
from html import unescape

from flask import Flask

from app.extensions import db
from app.tiers.models import RateLimit, Tier


def rules_of(app: Flask, tier: str) -> dict[str, tuple[int, int]]:
    """What is stored for a tier: ``{route: (limit, period in seconds)}``."""
    with app.app_context():
        owner = db.session.scalars(Tier.by_name(tier)).one()
        return {each.route: (each.limit, each.period) for each in owner.limits}


def tier_names(app: Flask) -> list[str]:
    with app.app_context():
        return [tier.name for tier in db.session.scalars(Tier.all_by_name())]


def limit_id(app: Flask, tier: str, route: str = "jobs.start") -> int:
    with app.app_context():
        limit = db.session.scalars(Tier.by_name(tier)).one().limit_for(route)
        assert limit
        return limit.id


def set_limit(app: Flask, tier: str, limit: int, period: int, route: str = "jobs.start") -> None:
    """Store a limit as another process would; the row is made when there is none."""
    with app.app_context():
        owner = db.session.scalars(Tier.by_name(tier)).one()
        row = owner.limit_for(route) or RateLimit(tier=owner, route=route, methods="POST")
        row.limit, row.period = limit, period
        db.session.add(row)
        db.session.commit()


def add_tier(app: Flask, name: str) -> None:
    with app.app_context():
        db.session.add(Tier(name=name))
        db.session.commit()


def focus_of(html: str) -> list[str]:
    """The id of everything that asks for the focus; one at most is right."""
    tags = re.findall(r"<[a-z][^>]*\sautofocus[\s>=][^>]*", html)
    return [re.search(r'\sid="([^"]*)"', tag).group(1) for tag in tags]  # type: ignore[union-attr]


def errors_of(html: str) -> dict[str, str]:
    """The sentence at each field that is wrong, by the id of the field."""
    found = re.findall(
        r'<p class="field-error" id="(.+?)-error"><span[^>]*>Error:</span>(.+?)</p>', html
    )
    return {field: unescape(sentence) for field, sentence in found}


def value_of(html: str, field: str) -> str:
    """What stands in a text field, or what is chosen in a list, by the id of the field."""
    chosen = re.search(
        rf'<select[^>]*\sid="{field}"[^>]*>.*?<option selected value="([^"]*)"', html, re.S
    )
    if chosen:
        return unescape(chosen.group(1))
    tag = re.search(rf'<input[^>]*\sid="{field}"[^>]*>', html)
    assert tag, f"There is no field {field} in {html}"
    return unescape(re.search(r'\svalue="([^"]*)"', tag.group()).group(1))  # type: ignore[union-attr]


def words_of(html: str) -> str:
    """The text alone, with single spaces."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def ids_of(html: str) -> list[str]:
    return re.findall(r'\sid="([^"]*)"', html)
