"""A view's answers, kept for a while and forgotten after a change.

    @posts_api.get("/<username>/posts")
    @open_to_strangers
    @cached(key_prefix="{username}_posts", expiration=60, shared=True)

    @posts_api.patch("/<username>/post/<int:id>")
    @sign_in_required
    @cached(key_prefix="{username}_post", resource_id_name="id",
            pattern_to_invalidate_extra=["{username}_posts:*"])

GET and HEAD keep, the other methods take away what is named after they committed. Stands under the
decorators that ask who it is. docs/caching.md has the rules.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

from flask import Flask, Response, current_app, g, request, session
from flask_login import current_user
from sqlalchemy import event

from app import kept, versions
from app.cache_names import Names
from app.extensions import db
from app.htmx import wants_part
from app.keepable import may_be_kept, say_who_may_keep
from app.kept import Place, once

READS = ("GET", "HEAD")
NOT_KEPT = ("Content-Length", "Date")

Plain = tuple[bytes, list[tuple[str, str]]]


@dataclass(frozen=True)
class Rule:
    """How the answers of one view are kept, and what its changes take away."""

    names: Names
    expiration: int
    shared: bool
    version: Callable[..., object] | None
    client_max_age: int | None
    unless: Callable[[], bool] | None


def cached(
    *,
    key_prefix: str,
    resource_id_name: str | None = None,
    expiration: int = 3600,
    to_invalidate_extra: Mapping[str, str] | None = None,
    pattern_to_invalidate_extra: Sequence[str] = (),
    shared: bool = False,
    version: Callable[..., object] | None = None,
    client_max_age: int | None = None,
    unless: Callable[[], bool] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Keep what the view answers for ``expiration`` seconds, under a name and by its version.

    ``shared``: the answer is the same for all who may pass; else each person has their own.
    ``version`` is called with the arguments of the address, and is asked instead of what the cache
    knows: a stamp that moves in the transaction of the change. None: nothing is kept.
    ``client_max_age``: seconds for everybody's own cache, where strangers may read it too; 0 is to
    ask each time; else CLIENT_CACHE_MAX_AGE. ``unless`` says when to do without.
    """
    extra = dict(to_invalidate_extra or {})
    names = Names(key_prefix, resource_id_name, extra, tuple(pattern_to_invalidate_extra))
    rule = Rule(names, expiration, shared, version, client_max_age, unless)

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        if hasattr(view, "for_whom") or hasattr(view, "limit_mark"):
            raise TypeError(f"@cached of {view.__name__} stands under who may pass, not above it.")

        @wraps(view)
        def kept_view(*args: Any, **kwargs: Any) -> Any:
            def act() -> Any:
                return view(*args, **kwargs)

            return read(rule, act) if request.method in READS else change(rule, act)

        kept_view.cached = rule  # type: ignore[attr-defined]
        return kept_view

    return decorate


def init_app(app: Flask) -> None:
    versions.init_app(app)
    kept.init_app(app)
    with app.app_context():
        event.listen(db.engine, "commit", note_commit)
    # First of all: a version has to be older than whatever is read, the person included.
    app.before_request_funcs.setdefault(None, []).insert(0, look_up_version)


def note_commit(_connection: Any) -> None:
    """So that a change that was rolled back takes nothing away."""
    if g:
        g.commits = commits() + 1


def commits() -> int:
    return int(g.get("commits", 0))


# --- Reading


def look_up_version() -> None:
    """Before anything else is read; for what is shared, together with what is kept of it."""
    g.cached_stamp = g.cached_entry = None
    view = current_app.view_functions.get(request.endpoint or "")
    rule: Rule | None = getattr(view, "cached", None)
    if rule is None or request.method not in READS:
        return
    if rule.version:
        found = rule.version(**(request.view_args or {}))
        g.cached_stamp = None if found is None else str(found)
        return
    keys = [key_of(rule)] if rule.shared else []
    try:
        known, entries = versions.current(rule.names.of_reading(arguments()), *keys)
    except versions.Away:
        return
    g.cached_stamp, g.cached_entry = ".".join(known), entries[0] if entries else None


def read(rule: Rule, act: Callable[[], Any]) -> Any:
    if g.get("cached_stamp") is None or is_left_out(rule):
        return act()
    place = Place(key_of(rule), g.cached_stamp, rule.expiration, g.cached_entry)
    return once(place, lambda: made(rule, act), lambda plain: Response(*answer_of(plain)))


def is_left_out(rule: Rule) -> bool:
    """Strangers with something in their session see what is meant for them alone."""
    is_told_apart = rule.shared or current_user.is_authenticated or not session
    return not is_told_apart or asks_for_more() or bool(rule.unless and rule.unless())


def made(rule: Rule, act: Callable[[], Any]) -> tuple[Response, Plain | None]:
    response = current_app.make_response(act())
    if not may_be_kept(response, rule.shared):
        return response, None
    if rule.shared:
        say_who_may_keep(response, rule.client_max_age)
    headers = [(name, value) for name, value in response.headers if name not in NOT_KEPT]
    return response, (response.get_data(), headers)


def answer_of(plain: Plain) -> tuple[bytes, int, list[tuple[str, str]]]:
    body, headers = plain
    return body, 200, headers


def key_of(rule: Rule) -> str:
    """Where the answer to this request is kept."""
    told = [
        *(request.endpoint, request.host_url, sorted((request.view_args or {}).items())),
        *(query(), wants_part(), None if rule.shared else looker()),
    ]
    digest = hashlib.sha256(json.dumps(told, default=str).encode()).hexdigest()[:40]
    return f"{rule.names.place(arguments())}:{digest}"


def query() -> list[tuple[str, str]]:
    """What is asked in the address, in one order."""
    return sorted(request.args.items(multi=True), key=lambda each: each[0])


def asks_for_more() -> bool:
    """Whether a published call is asked what it does not know, of which there is no end."""
    known = getattr(current_app.view_functions[request.endpoint or ""], "operation", None)
    fields = known.query.model_fields if known and known.query else ()
    return known is not None and not request.args.keys() <= set(fields)


def looker() -> list[Any]:
    """Who is looking, as they are now: after a change of role or name it is as if another did."""
    if not current_user.is_authenticated:
        return []
    reads_only = getattr(current_user, "reads_only", False)
    return [current_user.id, getattr(current_user, "version", None), reads_only]


def arguments() -> dict[str, Any]:
    return request.view_args or {}


# --- Changing


def change(rule: Rule, act: Callable[[], Any]) -> Response:
    """Take away what is outdated, once it is: after a commit, and an answer that says so."""
    before = commits()
    response = current_app.make_response(act())
    if response.status_code < 400 and commits() > before:
        versions.take_away(
            rule.names.of_change(arguments(), current_app.extensions["cache_groups"])
        )
    return response


def forget(key_prefix: str, resource_id_name: str | None = None, **values: Any) -> None:
    """Take away by hand, after a commit that no door made: of a task, of a command.

    ``forget("{username}_note", "id", username="bob", id=7)``
    """
    names = Names(key_prefix, resource_id_name, {}, ())
    versions.take_away(names.of_reading(values)[-1:])
