"""The document as text: for whoever asks the running site, and as it is kept under docs/."""

import hashlib
import json
from typing import Any

from flask import Flask

from app.config import PROJECT_ROOT
from app.openapi import document

SNAPSHOT = PROJECT_ROOT / "docs" / "openapi.json"


def published(app: Flask) -> tuple[bytes, str]:
    """The document and its version; made once for each process, since it never changes there."""
    known: tuple[bytes, str] | None = app.extensions.get("openapi")
    if known is None:
        body = json.dumps(document(app), separators=(",", ":")).encode()
        known = app.extensions["openapi"] = (body, hashlib.sha256(body).hexdigest()[:32])
    return known


def as_text(known: dict[str, Any]) -> str:
    """The document as people read it, and as it is compared line by line."""
    return json.dumps(known, indent=2, ensure_ascii=False) + "\n"


def is_snapshot(known: dict[str, Any], text: str) -> bool:
    """Whether ``text`` says the same, but for the facts that each site has from its settings."""
    try:
        kept = json.loads(text)
    except ValueError:
        return False
    return isinstance(kept, dict) and as_text({**kept, "info": known["info"]}) == as_text(known)
