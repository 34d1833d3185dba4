"""What a name, a username, an e-mail address, a password and a picture's address may be."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.common_passwords import is_common
from app.users.rules import email_address, password, person_name, picture_url, username

ANYTHING = st.one_of(st.none(), st.integers(), st.text(max_size=300), st.lists(st.text()))


def accepted(rule: object, value: object) -> str | None:
    """What the rule makes of the value; None when it refuses with a sentence."""
    try:
        return rule(value)  # type: ignore[operator]
    except ValueError as error:
        sentence = str(error)
    assert re.match(r"(Enter|Use|Choose) ", sentence)
    return None


@given(ANYTHING)
@example("a\u0000b")
@example("\ud800")
@settings(max_examples=100)
def test_a_username_is_plain_letters_and_digits_or_refused(value: object) -> None:
    name = accepted(username, value)

    assert name is None or re.fullmatch("[a-z0-9]{2,20}", name)


@given(st.from_regex(r"[a-z0-9]{2,20}", fullmatch=True))
@settings(max_examples=50)
def test_every_plain_username_is_taken_as_it_is(value: str) -> None:
    assert username(f" {value}\n") == value


@given(ANYTHING)
@example("a\u202eb")
@example("Zero\u200bWidth")
@settings(max_examples=100)
def test_a_name_is_short_and_readable_or_refused(value: object) -> None:
    name = accepted(person_name, value)

    if name is not None:
        assert 2 <= len(name) <= 30
        assert name.isprintable()
        assert person_name(name) == name


@given(st.one_of(ANYTHING, st.emails()))
@example("A@B.Example")
@example("a@b.example\r\nBcc: c@d.example")
@example("İ@example.com")
@settings(max_examples=200)
def test_an_address_is_lower_case_and_stays_as_it_is_or_is_refused(value: object) -> None:
    address = accepted(email_address, value)

    if address is not None:
        assert address == address.lower()
        assert len(address) <= 254
        assert address.count("@") == 1
        assert address.isprintable()
        assert " " not in address
        assert email_address(address) == address


@given(st.text(min_size=8, max_size=128))
@example("  two spaces  ")
@example("\U0001f511" * 128)
@settings(max_examples=100)
def test_a_password_is_taken_exactly_as_typed_unless_many_use_it(value: str) -> None:
    assert accepted(password, value) == (None if is_common(value) else value)


@pytest.mark.parametrize("value", [None, "", "1234567", "x" * 129, 12345678, ["longenough"]])
def test_too_short_too_long_or_no_text_is_no_password(value: object) -> None:
    assert accepted(password, value) is None


@given(st.one_of(ANYTHING, st.from_regex(r"https?://.{0,40}", fullmatch=True)))
@example("http://[")
@example("https://")
@example("javascript:alert(1)")
@example("data:text/html,x")
@example("https://user@/x")
@example("https://bank.example:secret@evil.example/")
@example('https://a" onmouseover=1')
@example("http://a b")
@example("https://example.com/\ud800")
@example("https://example.com/\u202e")
@settings(max_examples=200)
def test_a_picture_is_on_the_web_or_refused(value: object) -> None:
    address = accepted(picture_url, value)

    if address is not None:
        assert re.match(r"https?://[^/]", address, re.IGNORECASE)
        assert not re.search(r"[\s<>\"\\\x00-\x1f\x7f-\x9f\u202a-\u202e]", address)
        assert "@" not in address.split("/")[2]
        assert len(address) <= 500
        address.encode()
