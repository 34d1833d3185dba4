"""What the codes and names of second factors look like, said once."""

import re
from typing import Annotated

from pydantic import BeforeValidator

# Nothing that is read as something else: no 0 and o, no 1, i and l.
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
SELECTOR_LENGTH, REST_LENGTH = 4, 8
CODES = 10
LONGEST_NAME = 60

APP_CODE = re.compile("[0-9]{6}")
RECOVERY_CODE = re.compile(f"[{ALPHABET}]{{{SELECTOR_LENGTH + REST_LENGTH}}}")


def bare(code: str | None) -> str:
    """A code as people type it, without the spaces and hyphens that help to read it."""
    return re.sub(r"[\s\-‐‑–—]", "", (code or "").lower())


def is_app_code(code: str) -> bool:
    return APP_CODE.fullmatch(code) is not None


def is_recovery_code(code: str) -> bool:
    return RECOVERY_CODE.fullmatch(code) is not None


def grouped(code: str) -> str:
    """A bare code as it is shown: xxxx-xxxx-xxxx."""
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))


def passkey_name(value: object) -> str:
    name = " ".join(str(value if value is not None else "").split())
    if not name:
        raise ValueError("Enter a name")
    if len(name) > LONGEST_NAME:
        raise ValueError(f"Use {LONGEST_NAME} characters or fewer")
    if not name.isprintable():
        raise ValueError("Use letters, digits and spaces only")
    return name


PasskeyName = Annotated[str, BeforeValidator(passkey_name)]
