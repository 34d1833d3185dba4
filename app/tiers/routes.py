"""Which routes can be limited: those that ``limited`` marked, as the url map has them."""

import difflib
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Flask, current_app
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect

from app.errors import Missing

MOST_REDIRECTS = 3


@dataclass(frozen=True)
class Mark:
    """What a limited route is called: "Background tasks", "start another task"."""

    name: str
    again: str


@dataclass(frozen=True)
class Route:
    """A route that counts. Whatever its variables hold, it is one bucket."""

    key: str
    path: str
    methods: tuple[str, ...]
    name: str
    again: str

    @property
    def label(self) -> str:
        return f"{self.name} · {'/'.join(self.methods)} {self.path}"

    @property
    def title(self) -> str:
        """As people write it: "POST /tasks"."""
        return f"{' '.join(self.methods)} {self.path}"


def collect(app: Flask) -> None:
    """Find the marked routes, once every blueprint is there, and what counts in whose bucket."""
    routes, buckets = {}, {}
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        mark = getattr(view, "limit_mark", None)
        if mark:
            methods = tuple(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))
            routes[rule.endpoint] = Route(rule.endpoint, rule.rule, methods, mark.name, mark.again)
        buckets[rule.endpoint] = rule.endpoint if mark else getattr(view, "limit_key", None)
    app.extensions["limited_routes"], app.extensions["limit_buckets"] = routes, buckets


def limited_routes() -> dict[str, Route]:
    """Every route that counts, by its key."""
    routes: dict[str, Route] = current_app.extensions["limited_routes"]
    return routes


def called(key: str) -> str:
    """What people call a limited route; its key when there is no such route any more."""
    route = limited_routes().get(key)
    return route.name if route else key


def route_named(text: str) -> Route:
    """The limited route that ``text`` means: ``jobs.start``, ``/tasks`` or ``POST /tasks``.

    Slashes and underscores are alike unless that leaves more than one. Raises Missing, with the
    nearest matches, for anything else.
    """
    *methods, path = text.split() or [""]
    every = limited_routes().values()
    alike = [route for route in every if plain(path) in (plain(route.path), plain(route.key))]
    right = [route for route in alike if {each.upper() for each in methods} <= {*route.methods}]
    exact = [route for route in right if path in (route.path, route.key)]
    for found in (exact, right):
        if len(found) == 1:
            return found[0]
    if alike:
        problem = "More than one limited route matches" if right else "No limited route is"
        raise Missing(f"{problem} {text!r}. Choose one of: {titles(alike)}.")
    paths = [route.path for route in every]
    near = difflib.get_close_matches(text, paths, n=3, cutoff=0.3) or paths
    raise Missing(f"No limited route matches {text!r}. Choose one of: {', '.join(near)}.")


def titles(routes: list[Route]) -> str:
    return ", ".join(route.title for route in routes)


def plain(text: str) -> str:
    return text.strip().strip("/").replace("/", "_").replace(".", "_").lower()


def name_of(key: str) -> str:
    """How a stored route is written so that it is read as the same one; its key when it is gone."""
    route = limited_routes().get(key)
    if route is None:
        return key
    try:
        return route.title if route_named(route.title) == route else key
    except Missing:  # two views answer the same requests
        return key


def route_answering(method: str, path: str) -> Route | None:
    """The limited route in whose bucket ``method path`` counts; None when it is not limited.

    Raises Missing, with the nearest paths, when nothing answers there.
    """
    endpoint = endpoint_answering(method.upper(), "/" + path.lstrip("/"))
    bucket = current_app.extensions["limit_buckets"].get(endpoint)
    return limited_routes()[bucket] if bucket else None


def endpoint_answering(method: str, path: str) -> str:
    adapter = current_app.url_map.bind("localhost")
    for _ in range(MOST_REDIRECTS):
        try:
            endpoint, _values = adapter.match(path, method=method)
        except RequestRedirect as redirect:  # such as one slash too many
            path = urlsplit(redirect.new_url).path
        except MethodNotAllowed as wrong:
            allowed = ", ".join(sorted(set(wrong.valid_methods or ()) - {"HEAD", "OPTIONS"}))
            raise Missing(f"{path} does not answer {method}, only {allowed}.") from None
        except NotFound:
            break
        else:
            return str(endpoint)
    raise Missing(f"Nothing answers {path}.{nearest(path)}")


def nearest(path: str) -> str:
    """Paths that look like ``path``, as a sentence; "" when none does."""
    every = sorted({rule.rule for rule in current_app.url_map.iter_rules()})
    near = difflib.get_close_matches(path, every, n=3, cutoff=0.5)
    return f" Near: {', '.join(near)}." if near else ""
