"""What the codes of second factors look like, said once."""

import re

# Nothing that is read as something else: no 0 and o, no 1, i and l.
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
SELECTOR_LENGTH, REST_LENGTH = 4, 8
CODES = 10

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
