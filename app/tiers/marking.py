"""Marking a view as limited, and telling its callers where they stand."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import Flask, Response, g, request

from app.tiers.limits import Standing, current_caller, spend
from app.tiers.routes import Mark, buckets, collect

P = ParamSpec("P")
R = TypeVar("R")


def limited(
    name: str | None = None, *, again: str | None = None, cost: int = 1, group: str | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Count calls of a view, of a page or of the API, against the caller's tier.

    ``name`` is what people read ("Background tasks"), else the endpoint in words; ``again``
    finishes the sentence "You can … at 15:00". A call takes ``cost`` of the limit. ``group`` is
    the endpoint of another limited view, whose limit, count and words this one shares.

    Stands between the route and every other decorator: strangers are counted too.
    """
    if cost < 1:
        raise ValueError(f"A call costs at least 1, not {cost}.")

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def counted(*args: P.args, **kwargs: P.kwargs) -> R:
            spend(current_caller(), buckets()[request.endpoint or ""], cost)
            return view(*args, **kwargs)

        counted.limit_mark = Mark(name, again, cost, group)  # type: ignore[attr-defined]
        counted.counted_by = counted  # type: ignore[attr-defined]
        return counted

    return decorate


def init_app(app: Flask) -> None:
    """Collect the marked routes, once every blueprint is there; tell callers where they stand."""
    collect(app)
    app.after_request(tell_standing)


def tell_standing(response: Response) -> Response:
    """Tell programs how much is left (draft-ietf-httpapi-ratelimit-headers)."""
    now: Standing | None = g.get("standing")
    if now is None:
        return response
    name = now.route.key
    response.headers["RateLimit-Policy"] = f'"{name}";q={now.limit};w={now.period}'
    response.headers["RateLimit"] = f'"{name}";r={now.left};t={now.retry_after}'
    response.headers["X-RateLimit-Limit"] = str(now.limit)
    response.headers["X-RateLimit-Remaining"] = str(now.left)
    response.headers["X-RateLimit-Reset"] = str(now.window.end)
    return response
