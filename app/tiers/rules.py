"""What is true of a tier and of a limit, said once for every door."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from app.kinds import number

LARGEST = 2_147_483_647
UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}


def tier_name(value: object) -> str:
    name = " ".join(str(value or "").split())
    if not name:
        raise ValueError("Enter a name for the tier")
    if len(name) > 64:
        raise ValueError("Use 64 characters or fewer")
    if not re.fullmatch(r"[\w .+-]+", name) or name in (".", ".."):
        raise ValueError("Use letters, digits, spaces and - _ . + only")
    if not any(sign.isalnum() for sign in name):
        raise ValueError("Use at least one letter or digit")
    return name


def limit_name(value: object) -> str:
    name = " ".join(str(value or "").split())
    if not name:
        raise ValueError("Enter a name for the limit")
    if len(name) > 200:
        raise ValueError("Use 200 characters or fewer")
    if not name.isprintable():
        raise ValueError("Use letters, digits and signs only")
    return name


def at_least_one(value: object) -> int:
    text = str(value if value is not None else "").strip().replace(",", "")
    digits = text.lstrip("0")
    if not re.fullmatch(r"[0-9]+", text) or not digits:
        raise ValueError("Enter 1 or more")
    if len(digits) > len(str(LARGEST)) or int(digits) > LARGEST:
        raise ValueError(f"Enter {LARGEST:,} or less")
    return int(digits)


def unit_of_time(value: object) -> str:
    if value not in UNITS:
        raise ValueError("Choose seconds, minutes, hours or days")
    return str(value)


def whole_period(seconds: int) -> int:
    if seconds > LARGEST:
        raise ValueError("Choose a shorter time")
    return seconds


def period(value: object) -> int:
    """Seconds, from "900" or from words such as "15 minutes"."""
    found = re.fullmatch(r"([0-9,]*)\s*(second|minute|hour|day|)s?", str(value).strip().lower())
    if not found or not any(found.groups()):
        raise ValueError("Enter seconds, such as 900, or words such as 15 minutes")
    number, unit = found.groups()
    return whole_period(at_least_one(number or 1) * UNITS[f"{unit or 'second'}s"])


NUMBER: dict[str, Any] = {"type": "integer", "minimum": 1, "maximum": LARGEST}
TIER_NAME = {
    "type": "string",
    "minLength": 1,
    "maxLength": 64,
    # Letters of any script count, too: this is what nobody has to wonder about.
    "pattern": r"^(?=.*[A-Za-z0-9])[\w .+-]*[\w.+-]$",
}

TierName = Annotated[str, BeforeValidator(tier_name), WithJsonSchema(TIER_NAME)]
LimitName = Annotated[str, BeforeValidator(limit_name)]
Count = Annotated[int, BeforeValidator(at_least_one), WithJsonSchema(NUMBER)]
# The number of a thing, or so many of it, as JSON has it.
Number = Annotated[Count, BeforeValidator(number)]
Unit = Annotated[str, BeforeValidator(unit_of_time)]
Period = Annotated[int, BeforeValidator(period)]
