"""What can go wrong, and the one place that answers it."""

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import structlog
from flask import Flask, Response, g, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded
from flask_login import current_user
from flask_wtf.csrf import CSRFError, generate_csrf
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException, NotFound

from app.database import FOREIGN_KEY, broken_rule, now
from app.extensions import db, limiter, login
from app.htmx import Toast, page_before, redirect_with, referring_page, wants_part
from app.passwords import Busy
from app.programs import TOLD_PROGRAMS, is_for_programs, problem, too_many

log = structlog.get_logger()

DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)
OVERTAKEN = "Somebody else changed this meanwhile. Look at it again, then repeat what you did."
SENTENCES = {
    400: "The request could not be read. Go back and try again.",
    403: "You may not open this page.",
    404: "There is no page at this address.",
    405: "This address does not take that kind of request.",
    413: "That is more than this form takes. Send less and try again.",
    415: "This address does not take that kind of content.",
    500: "Something went wrong on our side. Nothing was saved. Try again in a minute.",
    503: "The database does not answer right now. Nothing was saved. Try again in a few seconds.",
}


class Taken(Exception):
    """A value that must be unique is already used. Names the ``field`` and says what to do."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field
        self.sentence = sentence


class Stale(Exception):
    """Somebody else changed this since it was read."""


class Refused(Exception):
    """The product does not allow this; ``str`` of it says why and what to do instead."""


class TooMany(Exception):
    """A limit is used up until ``reset_at``.

    ``again`` finishes the sentence "You can … at 15:00"; ``standing`` has the numbers, where the
    limit is one that people may know.
    """

    def __init__(self, reset_at: datetime, again: str, standing: Any = None) -> None:
        super().__init__(again)
        self.reset_at = reset_at
        self.again = again
        self.standing = standing

    @property
    def retry_after(self) -> int:
        """Whole seconds, at least 1 (RFC 9110, 10.2.3)."""
        return max(1, math.ceil((self.reset_at - now()).total_seconds()))


class Missing(NotFound):
    """A thing that is not there, with the close matches that this person may see."""

    page: str | None = None  # instead of the usual one

    def __init__(self, sentence: str, matches: list[tuple[str, str]] | None = None) -> None:
        super().__init__(sentence)
        self.matches = matches or []


@contextmanager
def answering(sentences: Mapping[str, str]) -> Iterator[None]:
    """Turn what the database refuses inside the block into a domain error, undoing all of it.

    ``sentences`` has one for each unique field. Raises Taken for those, Stale when the row was
    changed by somebody else meanwhile; anything else stays what it is.
    """
    try:
        yield
    except IntegrityError as error:
        db.session.rollback()
        rule = broken_rule(error)
        for field, sentence in sentences.items():
            if field in rule:
                raise Taken(field, sentence) from error
        if rule == FOREIGN_KEY:
            raise Stale from error  # what this row points to was removed meanwhile
        raise
    except StaleDataError as error:
        db.session.rollback()
        raise Stale from error


def init_app(app: Flask) -> None:
    app.register_error_handler(HTTPException, answer_http)
    app.register_error_handler(CSRFError, answer_csrf)
    app.register_error_handler(RateLimitExceeded, answer_throttled)
    app.register_error_handler(TooMany, answer_too_many)
    app.register_error_handler(Busy, answer_busy)
    app.register_error_handler(Refused, answer_refused)
    app.register_error_handler(Stale, answer_refused)
    for kind in DATABASE_AWAY:
        app.register_error_handler(kind, answer_database_away)
    app.register_error_handler(Exception, answer_surprise)


def answer_http(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    cause = getattr(error, "original_exception", None)
    if isinstance(cause, DATABASE_AWAY):  # it went while an error was being answered
        return answer_database_away(cause)
    if error.response is not None or status < 400:
        return error
    is_own = status == 403 and error.description != type(error).description
    response = refusal(status, error.description if is_own else None, error)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def answer_csrf(_error: CSRFError) -> ResponseReturnValue:
    """A form from before the last sign-in, or from another site: nothing was done.

    Our own form is drawn again with what was typed, to be sent on purpose.
    """
    if request.headers.get("Sec-Fetch-Site") != "same-origin" and not referring_page(""):
        return refusal(400, "This form did not come from this site. Nothing was done.")
    if wants_part():
        response = refusal(400, "This form was open too long. Press the button again.")
        response.headers["X-CSRFToken"] = generate_csrf()
        return response
    return render_template("stale_form.html", path=request.path, fields=kept_fields()), 400


def answer_throttled(_error: RateLimitExceeded) -> ResponseReturnValue:
    """Too many tries at a door that is throttled for everyone alike."""
    breached = limiter.current_limit
    seconds = breached.reset_at - time.time() if breached else 60
    reset_at = now() + timedelta(seconds=max(1, math.ceil(seconds)))
    return answer_too_many(TooMany(reset_at, again="try again"))


def answer_too_many(error: TooMany) -> ResponseReturnValue:
    """429 with a true time: a note above the form for htmx, JSON for programs, else a page."""
    context = {"wait": error, "standing": error.standing, "path": request.path}
    if is_for_programs():
        response = too_many(error)
    elif wants_part():
        response = make_response(render_template("_wait.html", **context), 429)
        response.headers["HX-Retarget"] = "#notice"
        response.headers["HX-Reswap"] = "innerHTML"
    else:
        response = make_response(render_template("wait.html", fields=kept_fields(), **context), 429)
    response.headers["Retry-After"] = str(error.retry_after)
    return response


def kept_fields() -> list[tuple[str, str]]:
    """What was typed, to be sent again later; never a password."""
    return [
        (name, value)
        for name, value in request.form.items(multi=True)
        if name != "csrf_token" and "password" not in name
    ]


def answer_busy(_error: Busy) -> ResponseReturnValue:
    """Too many sign-ins at this moment; nothing was checked."""
    response = refusal(503, "Too many people sign in right now. Try again in a few seconds.")
    response.headers["Retry-After"] = "3"
    return response


def answer_refused(error: Refused | Stale) -> ResponseReturnValue:
    """The product says no, or somebody else was faster: said on the page the person came from."""
    db.session.rollback()
    text = str(error) if isinstance(error, Refused) else OVERTAKEN
    if is_for_programs():
        return problem(409, text)
    return redirect_with(page_before(url_for("home.index")), Toast(text, is_problem=True))


def answer_database_away(error: Exception) -> ResponseReturnValue:
    log.error("database.away", error=type(error).__name__)
    forget_session()
    response = refusal(503)
    response.headers["Retry-After"] = "5"
    return response


def answer_surprise(error: Exception) -> ResponseReturnValue:
    log.exception("request.failed", error=type(error).__name__)
    forget_session()
    return refusal(500)


def forget_session() -> None:
    """Undo what the failed request began; an unreachable database may refuse even that.

    Who is signed in is forgotten too: the page that says what failed asks the database nothing.
    """
    g._login_user = login.anonymous_user()
    try:
        db.session.rollback()
    except Exception:
        db.session.remove()


def refusal(status: int, sentence: str | None = None, error: Any = None) -> Response:
    """An error in the caller's own kind: JSON under /api/, a sentence to htmx, else a page."""
    usual = {**SENTENCES, **TOLD_PROGRAMS} if is_for_programs() else SENTENCES
    sentence = sentence or usual.get(status, "This cannot be done.")
    if is_for_programs():
        return problem(status, sentence)
    missing = error if isinstance(error, Missing) else None
    facts = {"status": status, "sentence": sentence, "path": request.path, "missing": missing}
    return make_response(render_template(page_of(status, missing), **facts), status)


def page_of(status: int, missing: Missing | None) -> str:
    usual = "error.html" if status in (403, 404) and signed_in() else "error_solo.html"
    return "_error.html" if wants_part() else (missing and missing.page) or usual


def signed_in() -> bool:
    """Whether a person is; nobody, once the database cannot say."""
    try:
        return bool(current_user.is_authenticated)
    except Exception:
        forget_session()
        return False
