"""What is true of a person's name, username, e-mail address and password, said once."""

import re
from functools import cache
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from email_validator import EmailNotValidError, validate_email
from pydantic import BeforeValidator

from app.common_passwords import is_common

REGIONS = (
    *("Africa/", "America/", "Antarctica/", "Arctic/", "Asia/", "Atlantic/", "Australia/"),
    *("Europe/", "Indian/", "Pacific/"),
)


def _text(value: object) -> str:
    return str(value if value is not None else "").strip()


def person_name(value: object) -> str:
    name = " ".join(_text(value).split())
    if not name:
        raise ValueError("Enter a name")
    if not 2 <= len(name) <= 30:
        raise ValueError("Use 2 to 30 characters")
    if not name.isprintable():
        raise ValueError("Use letters and spaces only")
    return name


def thing_name(value: object) -> str:
    """What a person calls a thing of theirs: a passkey, a token."""
    name = " ".join(_text(value).split())
    if not name:
        raise ValueError("Enter a name")
    if len(name) > 60:
        raise ValueError("Use 60 characters or fewer")
    if not name.isprintable():
        raise ValueError("Use letters, digits and spaces only")
    return name


def username(value: object) -> str:
    name = _text(value)
    if not name:
        raise ValueError("Enter a username")
    if not re.fullmatch(r"[a-z0-9]{2,20}", name):
        raise ValueError("Use 2 to 20 lower-case letters and digits")
    return name


def email_address(value: object) -> str:
    address = _text(value).lower()
    if not address:
        raise ValueError("Enter an email address")
    if len(address) > 254:
        raise ValueError("Use 254 characters or fewer")
    try:
        validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise ValueError("Enter an email address like name@example.com") from None
    return address


def password(value: object) -> str:
    """Long enough and not one that everybody tries; otherwise any characters (ASVS 6.2.5)."""
    text = value if isinstance(value, str) else ""
    if not text:
        raise ValueError("Enter a password")
    if len(text) < 8:
        raise ValueError("Use 8 characters or more")
    if len(text) > 128:
        raise ValueError("Use 128 characters or fewer")
    if is_common(text):
        raise ValueError("Choose another password: too many people use this one")
    return text


def picture_url(value: object) -> str:
    address = _text(value)
    if len(address) > 500 or not address.isprintable() or not _is_web_address(address):
        raise ValueError("Enter an address that starts with https://")
    return address


def optional_picture_url(value: object) -> str:
    return picture_url(value) if _text(value) else ""


def _is_web_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


@cache
def time_zones() -> tuple[str, ...]:
    """The zones that are named after a place, in the order of the alphabet."""
    return tuple(sorted(name for name in available_timezones() if name.startswith(REGIONS)))


PersonName = Annotated[str, BeforeValidator(person_name)]
ThingName = Annotated[str, BeforeValidator(thing_name)]
Username = Annotated[str, BeforeValidator(username)]
EmailAddress = Annotated[str, BeforeValidator(email_address)]
Password = Annotated[str, BeforeValidator(password)]
PictureUrl = Annotated[str, BeforeValidator(picture_url)]
OptionalPictureUrl = Annotated[str, BeforeValidator(optional_picture_url)]
