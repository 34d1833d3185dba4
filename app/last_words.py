"""Errors of the server around the application, which need nothing that could fail."""

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any


def say(
    environ: dict[str, Any], start: Any, status: int, sentence: str, *headers: tuple[str, str]
) -> Iterable[bytes]:
    """Answer with ``sentence``: in plain text, under /api/ in the one shape of its errors."""
    known = HTTPStatus(status)
    is_api = environ.get("PATH_INFO", "").startswith("/api/")
    kind = "application/json" if is_api else "text/plain; charset=utf-8"
    said = as_json(environ, known, sentence) if is_api else sentence
    sent = [("Content-Type", kind), ("Cache-Control", "private, no-store"), *headers]
    start(f"{known.value} {known.phrase}", sent)
    return [said.encode()]


def as_json(environ: dict[str, Any], status: HTTPStatus, sentence: str) -> str:
    said = {"detail": sentence, "title": status.phrase, "status": status.value}
    return json.dumps({**said, "request_id": environ.get("gatehouse.request_id", "")})
