"""Marking a view as limited, and telling its callers where they stand."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import Flask, Response, g, request

from app.tiers.limits import Standing, current_caller, spend
from app.tiers.routes import Mark, collect, limited_routes

P = ParamSpec("P")
R = TypeVar("R")


def limited(name: str, again: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Count calls of a view against the caller's tier. Stands outside the sign-in check.

    ``name`` is what people read ("Background tasks"); ``again`` finishes the sentence
    "You can … at 15:00".
    """

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def counted(*args: P.args, **kwargs: P.kwargs) -> R:
            spend(current_caller(), limited_routes()[request.endpoint or ""])
            return view(*args, **kwargs)

        counted.limit_mark = Mark(name, again)  # type: ignore[attr-defined]
        return counted

    return decorate


def shares_limit(key: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Count calls of a view in the bucket of the limited route ``key``."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def counted(*args: P.args, **kwargs: P.kwargs) -> R:
            spend(current_caller(), limited_routes()[key])
            return view(*args, **kwargs)

        counted.limit_key = key  # type: ignore[attr-defined]
        return counted

    return decorate


def init_app(app: Flask) -> None:
    """Collect the marked routes, once every blueprint is there; tell callers where they stand."""
    collect(app)
    app.after_request(tell_standing)


def tell_standing(response: Response) -> Response:
    """Tell programs how much is left (draft-ietf-httpapi-ratelimit-headers)."""
    now: Standing | None = g.get("standing")
    if now is None or now.is_observed:
        return response
    name = now.route.key
    response.headers["RateLimit-Policy"] = f'"{name}";q={now.limit};w={now.period}'
    response.headers["RateLimit"] = f'"{name}";r={now.left};t={now.retry_after}'
    response.headers["X-RateLimit-Limit"] = str(now.limit)
    response.headers["X-RateLimit-Remaining"] = str(now.left)
    response.headers["X-RateLimit-Reset"] = str(now.window.end)
    return response
