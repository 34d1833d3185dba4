"""Calls that are sent twice: with an ``Idempotency-Key`` the second gets the answer of the first
(draft-ietf-httpapi-idempotency-key-header).
"""

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import current_app, request
from sqlalchemy import JSON, Delete, String, delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from app.database import now
from app.extensions import Model, db

KEPT_FOR = timedelta(days=1)
PATIENCE_SECONDS = 2.0
OTHER_REQUEST = "This Idempotency-Key was sent with another request before. Use a new key."
STILL_BUSY = "The first request with this Idempotency-Key is not answered yet. Try again later."


class Repeated(Exception):
    """A key that cannot be answered for: ``status`` and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True)
class Answer:
    """What a call is answered with: JSON, and where the thing that it made is."""

    status: int
    body: Any
    location: str | None = None
    is_again: bool = False


class KeptAnswer(Model):
    """The answer to a call of one caller with one key, kept for a day."""

    __tablename__ = "kept_answers"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    asked: Mapped[str] = mapped_column(String(64))
    status: Mapped[int | None]
    body: Mapped[Any] = mapped_column(JSON, nullable=True)
    location: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)

    @classmethod
    def over(cls) -> Delete:
        """Take away those of more than a day ago."""
        return delete(cls).where(cls.created_at < now() - KEPT_FOR)


def once(caller: str, key: str, act: Callable[[], Answer]) -> Answer:
    """What ``act`` answers, or what it answered the first time. Raises Repeated.

    The key is stored in the transaction of what ``act`` creates: one is never kept without the
    other. What ``act`` raises undoes both, so that a refused call may be sent again, corrected.
    """
    row = KeptAnswer(id=digest(caller, request.endpoint, key), asked=what_was_asked())
    identifier, asked = row.id, row.asked
    db.session.add(row)
    try:
        db.session.flush()
    except IntegrityError:
        db.session.rollback()
        return answered_before(identifier, asked)
    try:
        answer = act()
    except BaseException:
        db.session.rollback()
        raise
    keep(identifier, answer)
    return answer


def keep(identifier: str, answer: Answer) -> None:
    row = db.session.get_one(KeptAnswer, identifier)
    row.status, row.body, row.location = answer.status, answer.body, answer.location
    db.session.commit()


def answered_before(identifier: str, asked: str) -> Answer:
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        row = db.session.get(KeptAnswer, identifier, populate_existing=True)
        if row is None:  # the first one was refused just now
            raise Repeated(409, STILL_BUSY)
        if row.asked != asked:
            raise Repeated(422, OTHER_REQUEST)
        if row.status is not None:
            return Answer(row.status, row.body, row.location, is_again=True)
        if time.monotonic() > end:
            raise Repeated(409, STILL_BUSY)
        db.session.rollback()
        time.sleep(0.05)


def what_was_asked() -> str:
    """Tells this request from another. Under our key: a body may hold a password, and of that no
    quick hash may be kept.
    """
    asked = digest(request.method, request.full_path, request.get_data(as_text=True))
    key = str(current_app.secret_key).encode()
    return hmac.new(key, f"asked/{asked}".encode(), hashlib.sha256).hexdigest()


def digest(*facts: Any) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
