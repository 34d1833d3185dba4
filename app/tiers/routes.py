"""Which routes can be limited: those that ``limited`` marked, as the url map has them."""

import difflib
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import current_app
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect

from app.errors import Missing

MOST_REDIRECTS = 3
LONGEST = 200  # of what is looked up: as much as is stored of a route
BESIDES = {"HEAD", "OPTIONS"}  # answered wherever GET is
VARIABLE = re.compile(r"<[^>]*>|\{[^}]*\}")


@dataclass(frozen=True)
class Door:
    """One address of a limited route."""

    endpoint: str
    path: str
    methods: tuple[str, ...]

    def __str__(self) -> str:
        return f"{' '.join(self.methods)} {self.path}"


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
    def for_programs(self) -> Door:
        """The address by which programs know it; its own if it has none of the API."""
        known = [door for door in self.doors if door.path.startswith("/api/")]
        return min(known or self.doors[:1], key=lambda door: len(door.path))

    @property
    def label(self) -> str:
        return f"{self.name} · {', '.join(map(str, self.doors))}"

    @property
    def title(self) -> str:
        """As people write it: "POST /tasks"."""
        return str(self.doors[0])


class NoSuchRoute(Missing):
    """A text means no limited route, or several; ``near`` are the paths to choose from."""

    def __init__(self, problem: str, near: list[str]) -> None:
        super().__init__(f"{problem} Choose one of: {', '.join(near)}.")
        self.near = near


def limited_routes() -> dict[str, Route]:
    """Every route that counts, by its key."""
    routes: dict[str, Route] = current_app.extensions["limited_routes"]
    return routes


def buckets() -> dict[str, Route]:
    """The route in whose bucket calls count, by the endpoint that is called."""
    found: dict[str, Route] = current_app.extensions["limit_buckets"]
    return found


def called(key: str) -> str:
    """What people call a limited route; its key when there is no such route any more."""
    route = limited_routes().get(key)
    return route.name if route else key


# What somebody means who names a route


def route_named(text: str) -> Route:
    """The limited route that ``text`` means, by any address of its group, or by an endpoint.

    ``jobs.start``, ``/tasks``, ``api_v1_tasks_task``, ``api/v1/user/<username>`` or
    ``api/v1/user/bob``, each also with methods before it. What is more exact goes first. Raises
    NoSuchRoute when that is none of them, or several.
    """
    text = text[:LONGEST]
    *methods, wanted = text.split() or [""]
    every = [(route, door) for route in limited_routes().values() for door in route.doors]
    alike: list[Door] = []
    for is_meant in (is_endpoint, is_path, is_underscored, answers):
        found = [(route, door) for route, door in every if is_meant(door, wanted)]
        alike = alike or [door for _, door in found]
        right = [each for each in found if {word.upper() for word in methods} <= {*each[1].methods}]
        if len({route for route, _ in right}) == 1:
            return right[0][0]
        if right:
            problem = f"More than one limited route matches {text!r}."
            raise NoSuchRoute(problem, [str(door) for _, door in right])
    if alike:
        raise NoSuchRoute(f"No limited route is {text!r}.", [str(door) for door in alike])
    raise NoSuchRoute(f"No limited route matches {text!r}.", nearest(wanted) or first_paths())


def is_endpoint(door: Door, text: str) -> bool:
    return text == door.endpoint


def is_path(door: Door, text: str) -> bool:
    return "/" in text and shape(text) == shape(door.path)


def is_underscored(door: Door, text: str) -> bool:
    return underscored(text) in (underscored(door.path), underscored(door.endpoint))


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


def name_of(key: str) -> str:
    """How a stored route is written so that it is read as the same one; its key when it is gone."""
    route = limited_routes().get(key)
    if route is None:
        return key
    try:
        return route.title if route_named(route.title) == route else key
    except NoSuchRoute:  # two views answer the same requests
        return key


def first_paths() -> list[str]:
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

    Where nothing answers, ``path`` may be spelled as for ``route_named``. Raises Missing, with the
    nearest paths, when it means nothing either.
    """
    try:
        return buckets().get(endpoint_answering(method.upper(), f"/{path.lstrip('/')}"))
    except Missing as missing:
        try:
            return route_named(f"{method} {path}")
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
