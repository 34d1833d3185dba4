"""What is true of a person's name, username, e-mail address and password, said once."""

import re
from functools import cache
from typing import Annotated, Any
from zoneinfo import available_timezones

from email_validator import EmailNotValidError, validate_email
from pydantic import BeforeValidator, WithJsonSchema

from app.common_passwords import is_common

REGIONS = (
    *("Africa/", "America/", "Antarctica/", "Arctic/", "Asia/", "Atlantic/", "Australia/"),
    *("Europe/", "Indian/", "Pacific/"),
)
# Words of the API's addresses: nobody called so could be told from them.
WORDS_OF_ADDRESSES = ("me", "tier", "user")

# Control characters, line separators, what turns the direction of writing, the byte order mark.
ODD = r"\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff"
HALF = re.compile("[\ud800-\udfff]")
LONGEST_ADDRESS = 500
NOT_IN_ADDRESSES = rf"\s<>\"\\^`{{|}}{ODD}"
HOST = rf"[^/?#@:\[\]{NOT_IN_ADDRESSES}]+(:[0-9]{{1,5}})?"
WEB_ADDRESS: dict[str, Any] = {
    "type": "string",
    "maxLength": LONGEST_ADDRESS,
    "pattern": rf"^[hH][tT][tT][pP][sS]?://{HOST}([/?#][^{NOT_IN_ADDRESSES}]*)?$",
}


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
    if name in WORDS_OF_ADDRESSES:
        raise ValueError("Choose another username: this one is a word of our addresses")
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


def keep_names_out(password: str, username: str, email: str, product: str) -> None:
    """Nor the product's name, nor the e-mail address up to its @, where they have four letters.

    Raises ValueError.
    """
    password, product, mailbox = password.lower(), product.lower(), email.partition("@")[0]
    if username and username in password:
        raise ValueError("Choose a password that does not contain your username")
    if len(product) >= 4 and product in password:
        raise ValueError(f"Choose a password that does not contain “{product}”")
    if len(mailbox) >= 4 and mailbox in password:
        raise ValueError("Choose a password that does not contain your email address")


def web_address(text: str) -> str:
    """As the document publishes it; half a character, which JSON can hold, is none of it."""
    pattern = WEB_ADDRESS["pattern"].strip("^$")  # the dollar sign would let a line break follow
    if len(text) > LONGEST_ADDRESS or HALF.search(text) or not re.fullmatch(pattern, text):
        raise ValueError("Enter an address that starts with https://")
    return text


def picture_url(value: object) -> str:
    return web_address(_text(value))


def optional_picture_url(value: object) -> str:
    return picture_url(value) if _text(value) else ""


@cache
def time_zones() -> tuple[str, ...]:
    """The zones that are named after a place, in the order of the alphabet."""
    return tuple(sorted(name for name in available_timezones() if name.startswith(REGIONS)))


def text_of(shortest: int, longest: int, **more: str) -> WithJsonSchema:
    """How the published document says what a rule takes."""
    return WithJsonSchema(
        {"type": "string", "minLength": shortest, "maxLength": longest, **more}, mode="validation"
    )


# Nor signs that control a terminal; what else cannot be printed would fill a page.
NO_SPACE_AROUND = (
    r"^[^\s\x00-\x1f\x7f-\x9f]"
    r"([^\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?$"
)
ANOTHER_WORD = rf"^(?!({'|'.join(WORDS_OF_ADDRESSES)})$)[a-z0-9]{{2,20}}$"

PersonName = Annotated[str, BeforeValidator(person_name), text_of(2, 30, pattern=NO_SPACE_AROUND)]
ThingName = Annotated[str, BeforeValidator(thing_name)]
Username = Annotated[str, BeforeValidator(username), text_of(2, 20, pattern=ANOTHER_WORD)]
EmailAddress = Annotated[str, BeforeValidator(email_address), text_of(3, 254, format="email")]
Password = Annotated[str, BeforeValidator(password), text_of(8, 128, format="password")]
OptionalPictureUrl = Annotated[str, BeforeValidator(optional_picture_url)]
