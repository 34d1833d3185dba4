"""What is on every answer, static files and failures included: an id and the security headers."""

import hashlib
import re
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any

import structlog
from flask import Flask, Response, abort, g, has_request_context, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.sansio.utils import host_is_trusted

from app.bodies import WholeBodies
from app.config import Settings
from app.last_words import say

log = structlog.get_logger("access")

Application = Callable[..., Iterable[bytes]]

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "object-src 'none'",
        "frame-ancestors 'none'",
    )
)
CHANGING = ("POST", "PUT", "PATCH", "DELETE")
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
MOST_VALUES = 200  # no form of ours has nearly as many; each costs work to keep and draw again
LONGEST_HOST = 253 + len(":65535")
NOT_TO_KEEP, TO_ASK_AGAIN = "private, no-store", "private, no-cache"
QUIET = ("/healthz", "/readyz")
# What follows is a token.
LINKS = ("/welcome/", "/sign-up/finish/", "/reset/", "/confirm-email/", "/change-email/")
# A lone surrogate or a NUL is text that no database stores and nobody types.
UNREADABLE = re.compile("[\x00\ud800-\udfff]")


def security_headers(settings: Settings) -> dict[str, str]:
    """The headers of OWASP ASVS 5.0 chapter 3.4, for every kind of answer."""
    headers = {
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }
    if not settings.is_local:
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    return headers


class Envelope:
    """WSGI middleware, the outermost one: an id for each request, headers for each answer.

    It refuses hosts that are not ours before anything else looks at the request, and is the last
    to answer when the application could not.
    """

    def __init__(
        self, application: Application, headers: dict[str, str], trusted_hosts: list[str]
    ) -> None:
        self._application = application
        self._headers = headers
        self._trusted_hosts = trusted_hosts

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request_id = environ["gatehouse.request_id"] = uuid.uuid4().hex[:20]
        environ["gatehouse.started"] = time.perf_counter()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            present = {name.lower() for name, _ in headers}
            added = [(n, v) for n, v in self._headers.items() if n.lower() not in present]
            return start_response(status, [*headers, *added, ("X-Request-ID", request_id)], *rest)

        if not self._is_ours(environ):
            log.warning("request.unknown_host", host=environ.get("HTTP_HOST", "")[:100])
            return say(environ, start, 400, "This host is not served here.")
        try:
            return self._application(environ, start)
        except Exception as error:
            log.exception("request.failed", error=type(error).__name__)
            said = f"Something went wrong on our side. Give this number: {request_id}"
            return say(environ, start, 500, said)

    def _is_ours(self, environ: dict[str, Any]) -> bool:
        host = environ["HTTP_HOST"] = environ.get("HTTP_HOST", "").lower()
        return len(host) < LONGEST_HOST and host_is_trusted(host, self._trusted_hosts)


class JSON(DefaultJSONProvider):
    """JSON in requests and answers: in UTF-8 and nothing else (RFC 8259, 8.1), which Python would
    guess; what is nested too deeply to be read is not JSON.
    """

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        text = s.decode("utf-8-sig") if isinstance(s, bytes) else s
        try:
            return super().loads(text, **kwargs)
        except RecursionError:
            raise ValueError("nested too deeply") from None


def init_app(app: Flask, settings: Settings) -> None:
    app.wsgi_app = WholeBodies(  # type: ignore[method-assign]
        app.wsgi_app, settings.web_threads, settings.max_request_bytes
    )
    if settings.trusted_proxy_hops:
        hops = settings.trusted_proxy_hops
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=0, x_port=0, x_prefix=0
        )
    app.wsgi_app = Envelope(  # type: ignore[method-assign]
        app.wsgi_app, security_headers(settings), settings.trusted_hosts
    )
    app.json = JSON(app)
    first = app.before_request_funcs.setdefault(None, [])
    first[:0] = [refuse_other_content, refuse_unreadable]  # before anybody looks for a token
    app.after_request(close_envelope)


def request_id() -> str:
    """The number that this request has in the log; "" outside of the envelope."""
    return str(request.environ.get("gatehouse.request_id", "")) if has_request_context() else ""


def refuse_other_content() -> None:
    """Pages take forms and nothing else; what a program sends to /api/ is judged there."""
    if request.method not in CHANGING or request.path.startswith("/api/"):
        return
    if request.mimetype not in FORMS and (request.content_length or request.mimetype):
        abort(415)


def refuse_unreadable() -> None:
    """Refuse text that cannot be stored, before anybody tries to."""
    texts = [request.path, *request.args.keys(), *request.args.values()]
    is_form = request.method in CHANGING and not request.is_json
    if is_form and request.routing_exception is None:
        values = [value for several in request.form.listvalues() for value in several]
        if len(values) > MOST_VALUES:
            abort(413)
        texts += [*request.form.keys(), *values]
    if any(UNREADABLE.search(text) for text in texts):
        abort(400)


def close_envelope(response: Response) -> Response:
    """Keep what a signed-in person sees out of every cache, and write the access log.

    What has a version may be kept by whoever asked, who asks each time whether it still is (304).
    """
    has_version = "ETag" in response.headers
    response.headers.setdefault("Cache-Control", TO_ASK_AGAIN if has_version else NOT_TO_KEEP)
    if has_version and response.status_code == 200:
        response.make_conditional(request)  # RFC 9110, 13.1.2
    if request.path not in QUIET:
        log.info(
            "request",
            method=request.method,
            path=path_to_log(),
            status=response.status_code,
            milliseconds=milliseconds_since(request.environ["gatehouse.started"]),
            user=_signed_in_id(),
        )
    return response


def versioned(response: Response) -> Response:
    """Give an answer that may be kept its version, so that whoever has it is told so (304)."""
    if "ETag" not in response.headers:
        response.set_etag(hashlib.sha256(response.get_data()).hexdigest()[:32])
    return response


def path_to_log() -> str:
    """The path, without the token of a link that was handed to one person."""
    path = request.path.lower()
    door = next((prefix for prefix in LINKS if path.startswith(prefix)), None)
    return f"{door}hidden" if door else request.path


def milliseconds_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)


def _signed_in_id() -> int | None:
    """The person's id if the request already knows it; the log never asks the database."""
    person = g.get("_login_user")
    if person is None or not person.is_authenticated:
        return None
    return int(person.id)
