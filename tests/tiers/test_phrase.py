"""While a limit is typed, it is said in words."""

import pytest

from tests.people import Browser
from tests.tiers.screen import rules_of, words_of


@pytest.mark.parametrize(
    ("limit", "every", "unit", "words"),
    [
        ("10", "1", "hours", "Becomes: 10 requests per hour for 2 users"),
        ("30", "15", "minutes", "Becomes: 30 requests per 15 minutes for 2 users"),
        ("1", "60", "seconds", "Becomes: 1 request per minute for 2 users"),
        ("1,000", "24", "hours", "Becomes: 1,000 requests per day for 2 users"),
        ("", "1", "hours", ""),
        ("0", "1", "hours", ""),
        ("1", "many", "hours", ""),
        ("1", "1", "moons", ""),
        ("1", "99999", "days", ""),
    ],
)
def test_numbers_are_said_as_a_phrase(
    alice: Browser, limit: str, every: str, unit: str, words: str
) -> None:
    query = {"limit": limit, "every": every, "unit": unit}

    answer = alice.htmx_get("/tiers/pro/phrase", query_string=query)

    assert answer.status_code == 200
    assert words_of(answer.text).startswith(words)
    assert bool(words) is bool(words_of(answer.text))


def test_asking_changes_nothing(alice: Browser) -> None:
    alice.htmx_get("/tiers/pro/phrase?limit=99&every=1&unit=days")

    assert rules_of(alice.app, "pro") == {"jobs.start": (10, 3600)}


def test_the_token_of_the_form_is_not_sent_along(alice: Browser) -> None:
    html = alice.get("/tiers/pro").text
    editor = alice.htmx_get("/tiers/pro/limits/2/edit").text

    for fragment in (html, editor):
        assert 'hx-include="#limit-form' not in fragment
        assert 'hx-include="#new-limit-form' not in fragment
