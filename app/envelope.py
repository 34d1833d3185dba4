"""What is on every answer, static files and failures included: an id and the security headers."""

import re
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any

import structlog
from flask import Flask, Response, abort, g, request
from werkzeug.middleware.proxy_fix import ProxyFix

from app.config import Settings

log = structlog.get_logger("access")

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
QUIET = ("/healthz", "/readyz")
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
    """WSGI middleware, the outermost one: gives each request an id and each answer its headers."""

    def __init__(self, application: Callable[..., Iterable[bytes]], headers: dict[str, str]):
        self._application = application
        self._headers = headers

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request_id = environ["gatehouse.request_id"] = uuid.uuid4().hex[:20]

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            present = {name.lower() for name, _ in headers}
            added = [(n, v) for n, v in self._headers.items() if n.lower() not in present]
            return start_response(status, [*headers, *added, ("X-Request-ID", request_id)], *rest)

        return self._application(environ, start)


def init_app(app: Flask, settings: Settings) -> None:
    if settings.trusted_proxy_hops:
        hops = settings.trusted_proxy_hops
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=0, x_port=0, x_prefix=0
        )
    app.wsgi_app = Envelope(app.wsgi_app, security_headers(settings))  # type: ignore[method-assign]
    app.before_request(open_envelope)
    app.before_request(refuse_unreadable)
    app.after_request(close_envelope)


def open_envelope() -> None:
    g.started = time.perf_counter()
    g.request_id = request.environ.get("gatehouse.request_id", "")
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def refuse_unreadable() -> None:
    """Refuse text that cannot be stored, before anybody tries to."""
    texts = [request.path, *request.args.keys(), *request.args.values()]
    if request.method in ("POST", "PUT", "PATCH") and not request.is_json:
        texts += [*request.form.keys(), *request.form.values()]
    if any(UNREADABLE.search(text) for text in texts):
        abort(400)


def close_envelope(response: Response) -> Response:
    """Keep what a signed-in person sees out of every cache, and write the access log."""
    response.headers.setdefault("Cache-Control", "no-store")
    if request.path not in QUIET:
        log.info(
            "request",
            method=request.method,
            path=request.path,
            status=response.status_code,
            milliseconds=round((time.perf_counter() - g.get("started", 0)) * 1000, 1),
            user=_signed_in_id(),
        )
    return response


def _signed_in_id() -> int | None:
    """The person's id if the request already knows it; the log never asks the database."""
    person = g.get("_login_user")
    if person is None or not person.is_authenticated:
        return None
    return int(person.id)
