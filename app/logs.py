"""Structured logs: JSON for machines, text for a terminal, a request id on every line."""

import logging
import sys
from typing import Any

import structlog

from app.config import Settings

SECRET_WORDS = ("password", "secret", "token", "authorization", "cookie")
TRACES = ("exception", "stack")


def configure(settings: Settings) -> None:
    """Send every log, ours and the libraries', to stderr in one format."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_secrets,
    ]
    as_json = settings.log_format == "json"
    last: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        )
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info if as_json else keep,
                last,
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.log_level, force=True)
    for noisy in ("huey", "alembic", "flask-limiter"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def keep(_logger: Any, _name: str, event: Any) -> Any:
    return event


def hide_secrets(_logger: Any, _name: str, event: Any) -> Any:
    """Never write a secret, whatever the caller passed by mistake; keep every entry on one line."""
    return {key: harmless(key, value) for key, value in event.items()}


def harmless(key: Any, value: Any) -> Any:
    """``value`` as it may be written under the name ``key``, however deep it is nested."""
    if any(word in str(key).lower() for word in SECRET_WORDS):
        return "hidden"
    if isinstance(value, dict):
        return {name: harmless(name, each) for name, each in value.items()}
    if isinstance(value, list):
        return [harmless(key, each) for each in value]
    if isinstance(value, str) and key not in TRACES and not value.isprintable():
        return value.encode("unicode_escape").decode()
    return value
