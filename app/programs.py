"""What is different under /api/, for programs: no session, errors in JSON, tokens that read."""

import hashlib
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

from flask import Flask, Request, Response, current_app, jsonify, make_response, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_cors import CORS
from flask_login import current_user
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from app.envelope import MOST_VALUES, request_id

START = "/api/"
SAFE = ("GET", "HEAD", "OPTIONS")
READS_ONLY = "This token may only read. Use one that may write."
ELSEWHERE = "This request came from another site. Nothing was done."
TAKEN_HEADERS = ("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match")
TOLD_HEADERS = (
    *("ETag", "Idempotency-Replayed", "Link", "Location", "RateLimit", "RateLimit-Policy"),
    *("Retry-After", "Total-Is-Estimate", "WWW-Authenticate", "X-RateLimit-Limit"),
    *("X-RateLimit-Remaining", "X-RateLimit-Reset", "X-Request-ID"),
)
TOLD_PROGRAMS = {  # where those of pages would not be understood
    400: "The request could not be read.",
    403: "You may not do this.",
    404: "There is nothing at this address.",
    413: "That is more than is taken here.",
}
NO_JSON = "Send a JSON object, in UTF-8."
TOO_MANY = "That is more fields than are taken here."
LONGEST_NAME = 100  # of a field that we do not know, when it is repeated

Schema = TypeVar("Schema", bound=BaseModel)
View = TypeVar("View", bound=Callable[..., Any])


class Problem(Exception):
    """What a program is told: a sentence, or for 422 what is wrong with which field."""

    def __init__(self, status: int, detail: Any, retry_after: int | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.detail = detail
        self.retry_after = retry_after  # seconds


class PageSession(SecureCookieSessionInterface):
    """Pages have a session; the API has none, so no cookie of a browser can open its door."""

    digest_method = staticmethod(hashlib.sha256)

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if request.path.startswith(START):
            return self.session_class()
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: Any, response: Response) -> None:
        if not request.path.startswith(START):
            super().save_session(app, session, response)


def init_app(app: Flask) -> None:
    app.session_interface = PageSession()
    open_to_origins(app)
    app.register_error_handler(Problem, answer_problem)
    app.before_request(refuse_other_sites)
    app.before_request(keep_readers_from_changing)


def open_to_origins(app: Flask) -> None:
    """Let scripts of the sites in CORS_ORIGINS call the API: with a token, never with a cookie."""
    origins = app.config["SETTINGS"].cors_origins
    if origins:
        named = [
            re.compile(rf"{re.escape(each)}\Z") for each in origins
        ]  # a pattern matches starts
        CORS(
            app,
            resources={f"{START}.*": {"origins": named}},
            allow_headers=TAKEN_HEADERS,
            expose_headers=TOLD_HEADERS,
            max_age=600,
        )


def is_for_programs() -> bool:
    return request.path.startswith(START)


def readers_too(view: View) -> View:
    """Open a door that changes something to tokens that may only read."""
    view.readers_too = True  # type: ignore[attr-defined]
    return view


def refuse_other_sites() -> Response | None:
    """A page elsewhere can let a visitor's browser send something here: with a cookie that goes by
    itself, or to use up what the visitor's address may do. So nothing is even counted.

    A neighbour under the same domain is another site too: SameSite lets it send the cookie.
    """
    if not is_for_programs() or request.method in SAFE:
        return None
    is_let_in = request.headers.get("Origin") in current_app.config["SETTINGS"].cors_origins
    return problem(403, ELSEWHERE) if is_from_elsewhere() and not is_let_in else None


def is_from_elsewhere() -> bool:
    """As the browser says; old ones, and all of them without TLS, name only where it came from."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is None and origin is not None:
        return origin.lower().partition("://")[2] != request.host
    return site in ("cross-site", "same-site")


def keep_readers_from_changing() -> Response | None:
    """Closed by default: a door under /api/ that changes something needs no word of its own."""
    if not is_for_programs() or request.method in SAFE or request.endpoint is None:
        return None
    view = current_app.view_functions[request.endpoint]
    if not getattr(current_user, "reads_only", False) or hasattr(view, "readers_too"):
        return None
    return problem(403, READS_ONLY)


def answer_problem(error: Problem) -> Response:
    response = problem(error.status, error.detail)
    if error.retry_after:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def problem(status: int, detail: Any, **more: Any) -> Response:
    """An error as programs read it; whoever has to sign in is told how (RFC 6750, 3)."""
    body = {"detail": detail, "title": HTTPStatus(status).phrase, "status": status}
    response = make_response(jsonify({**body, "request_id": request_id(), **more}), status)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def too_many(wait: Any) -> Response:
    """429: when to come back (seconds, and a time in UTC), and the limit where it may be known."""
    known, reset_at = wait.standing, wait.reset_at.isoformat()
    limit = {"limit": known.limit, "period": known.period} if known else {}
    told = {**limit, "retry_after": wait.retry_after, "reset_at": reset_at}
    return problem(429, "Rate limit exceeded.", **told)


def read(schema: type[Schema]) -> Schema:
    """The JSON body as ``schema`` wants it. Raises Problem, which never repeats a value."""
    try:
        body = request.get_json()
    except UnsupportedMediaType:
        raise Problem(415, "Send JSON, with the header Content-Type: application/json.") from None
    except BadRequest:
        raise Problem(400, NO_JSON) from None
    if not isinstance(body, dict):
        raise Problem(400, NO_JSON)
    if len(body) > MOST_VALUES:  # each would be told, in five times as many bytes as it has
        raise Problem(413, TOO_MANY)
    return checked(schema, body, "body")


def read_query(schema: type[Schema]) -> Schema:
    """What the address asks for, as ``schema`` wants it; what it does not know is left alone.

    Raises Problem as ``read`` does. Of a name that comes several times the last counts.
    """
    known = {name: values[-1] for name, values in request.args.lists()}
    return checked(schema, known, "query")


def checked(schema: type[Schema], values: dict[str, Any], part: str) -> Schema:
    try:
        return schema.model_validate(values)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        wrongs = [wrong(each["loc"], each["msg"], each["type"], part) for each in found]
        raise Problem(422, wrongs) from None


def wrong(
    place: tuple[int | str, ...], message: str, kind: str, part: str = "body"
) -> dict[str, Any]:
    """One thing that is wrong with a part of the request: where, what and of which kind."""
    names = [part[:LONGEST_NAME] if isinstance(part, str) else part for part in place]
    return {"loc": [part, *names], "msg": message.removeprefix("Value error, "), "type": kind}
