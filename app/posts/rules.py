"""What is true of a post's title, text and picture, said once: as the document publishes it."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from app.users.rules import HALF, ODD, WEB_ADDRESS, web_address

TITLE = {
    "type": "string",
    "minLength": 2,
    "maxLength": 30,
    "pattern": rf"^[^{ODD}]*[^\s{ODD}][^{ODD}]*[^\s{ODD}][^{ODD}]*$",
}
# Not a space, whoever is asked: programs differ about the last ones.
VISIBLE = r"[^\s\u0000\u001c-\u001f\u0085\ufeff]"
TEXT = {
    "type": "string",
    "minLength": 1,
    "maxLength": 63_206,
    "pattern": rf"^[^\u0000]*{VISIBLE}[^\u0000]*$",
}


def fits(schema: dict[str, Any], value: str) -> bool:
    within = len(value) <= schema["maxLength"]
    # The pattern's dollar sign would let a line break follow.
    return within and re.fullmatch(schema["pattern"][1:-1], value) is not None


def text_of(value: object) -> str:
    """JSON has other kinds of values than forms have; a field that was not sent is empty."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError("Send a text")
    if HALF.search(value):
        raise ValueError("This holds half a character, which cannot be kept")
    return value


def title(value: object) -> str:
    text = text_of(value)
    if not text.strip():
        raise ValueError("Enter a title")
    if len(text) > 30 or len(text.strip()) < 2:
        raise ValueError("Use 2 to 30 characters")
    if not fits(TITLE, text):
        raise ValueError("Use letters, digits, signs and spaces only")
    return text.strip()


def post_text(value: object) -> str:
    text = text_of(value)
    if not re.search(VISIBLE, text):
        raise ValueError("Write something")
    if len(text) > TEXT["maxLength"]:  # type: ignore[operator]
        raise ValueError("Use 63,206 characters or fewer")
    if "\0" in text:
        raise ValueError("This holds the character zero, which cannot be kept")
    return text


def media_url(value: object) -> str | None:
    if value is None:
        return None
    return web_address(text_of(value))


def published(schema: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema(schema, mode="validation")


Title = Annotated[str, BeforeValidator(title), published(TITLE)]
PostText = Annotated[str, BeforeValidator(post_text), published(TEXT)]
MediaUrl = Annotated[
    str | None,
    BeforeValidator(media_url),
    published({"anyOf": [WEB_ADDRESS, {"type": "null"}]}),
]
