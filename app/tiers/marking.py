"""Marking views as limited, collecting the marks, and telling callers where they stand."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import Flask, Response, g, request
from werkzeug.routing import Rule

from app.tiers.limits import Standing, current_caller, spend
from app.tiers.routes import BESIDES, Door, Route, buckets

P = ParamSpec("P")
R = TypeVar("R")

AGAIN = "try again"


@dataclass(frozen=True)
class Mark:
    """What ``limited`` says of a view. ``group`` is the endpoint in whose bucket it counts."""

    name: str | None
    again: str | None
    cost: int
    group: str | None


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


def collect(app: Flask) -> None:
    """Find the marked routes, once every blueprint is there, and what counts in whose bucket.

    Raises ValueError when a mark cannot be meant.
    """
    views, rules = app.view_functions, list(app.url_map.iter_rules())
    rules = [rule for rule in rules if hasattr(views[rule.endpoint], "limit_mark")]
    marks = {rule.endpoint: mark_of(rule.endpoint, views[rule.endpoint]) for rule in rules}
    doors = [Door(rule.endpoint, rule.rule, methods_of(rule)) for rule in rules]
    for endpoint, mark in marks.items():
        check_group(endpoint, mark, marks)
    keys = {endpoint: mark.group or endpoint for endpoint, mark in marks.items()}
    routes = {
        key: route_of(key, marks[key], [door for door in doors if keys[door.endpoint] == key])
        for key in dict.fromkeys(keys.values())
    }
    app.extensions["limited_routes"] = routes
    app.extensions["limit_buckets"] = {endpoint: routes[key] for endpoint, key in keys.items()}


def mark_of(endpoint: str, view: Any) -> Mark:
    """The mark of a view, which is the outermost thing of it: strangers are counted too."""
    if view.counted_by is not view:
        raise ValueError(f"{endpoint}: put @limited above the other decorators, under the route.")
    mark: Mark = view.limit_mark
    return mark


def methods_of(rule: Rule) -> tuple[str, ...]:
    return tuple(sorted((rule.methods or set()) - BESIDES))


def check_group(endpoint: str, mark: Mark, marks: dict[str, Mark]) -> None:
    """One bucket has one name, and is one: no group within a group."""
    if mark.group is None:
        return
    first = marks.get(mark.group)
    if first is None:
        raise ValueError(f"{endpoint}: there is no limited route {mark.group} to share with.")
    if first.group is not None:
        raise ValueError(f"{endpoint}: {mark.group} counts with {first.group}. Name that one.")
    if mark.name not in (None, first.name) or mark.again not in (None, first.again):
        raise ValueError(f"{endpoint}: it shares the limit of {mark.group}, and so its words.")


def route_of(key: str, mark: Mark, doors: list[Door]) -> Route:
    own = next(door for door in doors if door.endpoint == key)
    others = tuple(door for door in doors if door is not own)
    name = mark.name or readable(key)
    return Route(key, own.path, own.methods, name, mark.again or AGAIN, others)


def readable(endpoint: str) -> str:
    """An endpoint as people may read it: ``jobs_api.start_many`` is "Jobs: start many"."""
    words = endpoint.replace("_api.", ".").replace(".", ": ").replace("_", " ")
    return words[:1].upper() + words[1:]


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
