"""Which routes can be limited: those that ``limited`` marked, as the url map has them."""

import difflib
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, current_app
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect, Rule

from app.errors import Missing

MOST_REDIRECTS = 3
LONGEST = 200  # of what is looked up: as much as is stored of a route
AGAIN = "try again"
BESIDES = {"HEAD", "OPTIONS"}  # answered wherever GET is
VARIABLE = re.compile(r"<[^>]*>|\{[^}]*\}")


@dataclass(frozen=True)
class Mark:
    """What ``limited`` says of a view. ``group`` is the endpoint in whose bucket it counts."""

    name: str | None
    again: str | None
    cost: int
    group: str | None


@dataclass(frozen=True)
class Door:
    """One address of a limited route."""

    endpoint: str
    path: str
    methods: tuple[str, ...]

    def __str__(self) -> str:
        return f"{'/'.join(self.methods)} {self.path}"


@dataclass(frozen=True)
class Route:
    """A route that counts, with the others of its group. Whatever its variables hold, all of it is
    one bucket.
    """

    key: str
    path: str
    methods: tuple[str, ...]
    name: str
    again: str
    others: tuple[Door, ...] = ()

    @property
    def doors(self) -> tuple[Door, ...]:
        """Every address that counts here, its own first."""
        return (Door(self.key, self.path, self.methods), *self.others)

    @property
    def label(self) -> str:
        return f"{self.name} · {', '.join(map(str, self.doors))}"


class NoSuchRoute(Exception):
    """A text means no limited route, or several; ``near`` are the paths to choose from."""

    def __init__(self, problem: str, near: list[str]) -> None:
        super().__init__(f"{problem} Choose one of: {', '.join(near)}.")
        self.near = near


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


def limited_routes() -> dict[str, Route]:
    """Every route that counts, by its key."""
    routes: dict[str, Route] = current_app.extensions["limited_routes"]
    return routes


def buckets() -> dict[str, Route]:
    """The route in whose bucket calls count, by the endpoint that is called."""
    found: dict[str, Route] = current_app.extensions["limit_buckets"]
    return found


# What somebody means who names a route


def route_meant(text: str) -> Route:
    """The limited route that ``text`` means, by any address of its group, or by an endpoint.

    ``jobs.start``, ``/tasks``, ``api_v1_tasks_task``, ``api/v1/user/<username>`` or
    ``api/v1/user/bob``, each also with a method before it. What is more exact goes first. Raises
    NoSuchRoute when that is none of them, or several.
    """
    method, wanted = split(text[:LONGEST])
    doors = [door for route in limited_routes().values() for door in route.doors]
    doors = [door for door in doors if method in ("", *door.methods)]
    for found in (
        [door for door in doors if door.endpoint.lower() == wanted.lower()],
        [door for door in doors if shape(door.path) == shape(wanted)],
        [door for door in doors if underscored(door.path) == underscored(wanted)],
        [door for door in doors if answers(door, wanted)],
    ):
        if found:
            return the_one(text, found)
    raise NoSuchRoute(f"No limited route matches {text[:LONGEST]!r}.", nearest(wanted) or every())


def split(text: str) -> tuple[str, str]:
    """The method and the rest; "" where none is named."""
    first, _, rest = text.strip().partition(" ")
    return (first.upper(), rest.strip()) if rest and first.isalpha() else ("", text.strip())


def shape(path: str) -> str:
    """A path without what is spelled one way or another, such as the names of its variables."""
    return VARIABLE.sub("<>", path).strip("/").lower()


def underscored(path: str) -> str:
    return shape(path).replace("/", "_").replace(".", "_")


def answers(door: Door, path: str) -> bool:
    """Whether a request for ``path`` gets to this door."""
    try:
        found = [endpoint_answering(method, f"/{path.lstrip('/')}") for method in door.methods]
    except Missing:
        return False
    return door.endpoint in found


def the_one(text: str, found: list[Door]) -> Route:
    routes = {buckets()[door.endpoint] for door in found}
    if len(routes) > 1:
        problem = f"More than one limited route matches {text[:LONGEST]!r}."
        raise NoSuchRoute(problem, [str(door) for door in found])
    return routes.pop()


def every() -> list[str]:
    """The paths of the limited routes, without the others of their groups."""
    return [route.path for route in limited_routes().values()]


def nearest(path: str) -> list[str]:
    """Paths of limited routes that look like ``path``; the others are nobody's business."""
    paths = {door.path for route in limited_routes().values() for door in route.doors}
    wanted = f"/{path.strip('/')}"[:LONGEST]
    return difflib.get_close_matches(wanted, sorted(paths), n=3, cutoff=0.5)


# What a request gets to


def route_answering(method: str, path: str) -> Route | None:
    """The limited route in whose bucket ``method path`` counts; None when it is not limited.

    Where nothing answers, ``path`` may be spelled as for ``route_meant``. Raises Missing, with the
    nearest paths, when it means nothing either.
    """
    try:
        return buckets().get(endpoint_answering(method.upper(), f"/{path.lstrip('/')}"))
    except Missing as missing:
        try:
            return route_meant(f"{method} {path}")
        except NoSuchRoute:
            raise missing from None


def endpoint_answering(method: str, path: str) -> str:
    adapter = current_app.url_map.bind("localhost")
    for _ in range(MOST_REDIRECTS):
        try:
            endpoint, _values = adapter.match(path, method=method)
        except RequestRedirect as redirect:  # such as one slash too many
            path = urlsplit(redirect.new_url).path
        except MethodNotAllowed as wrong:
            allowed = ", ".join(sorted(set(wrong.valid_methods or ()) - BESIDES))
            raise Missing(f"{path} does not answer {method}, only {allowed}.") from None
        except NotFound:
            break
        else:
            return str(endpoint)
    near = ", ".join(nearest(path))
    raise Missing(f"Nothing answers {path}." + (f" Near: {near}." if near else ""))
