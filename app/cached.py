"""Remember what a view answered, until somebody changes what it is about (docs/caching.md).

GET remembers. Any other method, once it has committed and answered 2xx or 3xx, makes what was
remembered invalid, so that the very next read of any process is a new one.
"""

import hashlib
import json
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import wraps
from typing import Any

import structlog
from flask import (
    Response,
    current_app,
    g,
    has_app_context,
    make_response,
    request,
    session,
)
from flask_login import current_user
from sqlalchemy import event

from app import versions
from app.cache_rules import PATTERNS, Rule, fields, fill
from app.extensions import cache, db
from app.htmx import wants_part

LONGEST = 100_000  # bytes of an answer, and of a query 1,000: nobody fills the memory
PATIENCE_SECONDS = 3.0  # how long one waits for somebody else who is at it
KEPT = ("Content-Type", "ETag", "Link", "Total-Is-Estimate", "Vary", "Content-Language")
ADDING = threading.Lock()  # the cache within a process does not add at once

log = structlog.get_logger()


def cached(
    key_prefix: str,
    resource_id_name: str | None = None,
    expiration: int = 60,
    *,
    shared: bool = False,
    to_invalidate_extra: Mapping[str, str | None] | None = None,
    pattern_to_invalidate_extra: Iterable[str] = (),
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Remember the answers to GET for ``expiration`` seconds, under a name.

    The name is ``key_prefix``, in which ``{username}`` stands for that part of the address, and
    the part ``resource_id_name``, if one is given. Under it each person has an answer of their own
    for each query, unless it is ``shared`` because everybody gets the same one.

    Other methods make the same name invalid; the names in ``to_invalidate_extra``, from a prefix to
    the part of the address that is the id there (or None); and every name that begins as a
    ``pattern_to_invalidate_extra`` does, up to its ``*``. Raises ValueError for other patterns.
    """
    patterns = tuple(pattern_to_invalidate_extra)
    for pattern in patterns:
        if not pattern.endswith("*") or "*" in pattern[:-1]:
            raise ValueError(f"{pattern!r} has to end with its only *.")
    PATTERNS.update(patterns)
    extra = tuple((to_invalidate_extra or {}).items())
    rule = Rule(key_prefix, resource_id_name, expiration, shared, extra, patterns)

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def remembering(*args: Any, **kwargs: Any) -> Any:
            act = ask if request.method in ("GET", "HEAD") else change
            return act(rule, lambda: make_response(view(*args, **kwargs)))

        remembering.cache_rule = rule  # type: ignore[attr-defined]
        return remembering

    return decorate


def change(rule: Rule, act: Callable[[], Response]) -> Response:
    response = act()
    if response.status_code < 400 and g.get("has_committed"):
        versions.renew(rule.makes_invalid(request.view_args or {}))
    return response


def ask(rule: Rule, act: Callable[[], Response]) -> Response:
    key = key_of(rule)
    if key is None:
        return act()
    found = versions.or_without(lambda: kept_or_mine(key), None)
    if isinstance(found, str):
        return told(rule, read(found))
    try:
        response = whole(act)
        if is_keepable(response):
            versions.or_without(lambda: cache.set(key, written(response), rule.seconds), None)
            response = told(rule, response)
    finally:
        if found:
            versions.or_without(lambda: cache.delete(f"{key}/busy"), None)
    return response


def key_of(rule: Rule) -> str | None:
    """Under what the answer to this request is kept; None if it is not."""
    query = sorted(request.args.items(multi=True))
    if len(request.query_string) > LONGEST // 100:
        return None
    values = request.view_args or {}
    names = [rule.name(values), *met_by(rule.name(values), values)]
    known = versions.current(names)
    if known is None:
        return None
    who = None if rule.shared or not current_user.is_authenticated else current_user.id
    part = request.headers.get("HX-Target", "") if wants_part() else None
    facts = [request.endpoint, values, who, query, part, known]
    return "cached/" + hashlib.sha256(json.dumps(facts, default=str).encode()).hexdigest()


def met_by(name: str, values: Mapping[str, Any]) -> Iterator[str]:
    """The patterns, filled in for this address, that the name begins with."""
    for pattern in sorted(PATTERNS):
        if fields(pattern) <= values.keys() and fnmatchcase(name, fill(pattern, values)):
            yield fill(pattern, values)


def kept_or_mine(key: str) -> str | bool | None:
    """What is kept; True if it is ours to find out; None after waiting in vain for who is at it."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        if kept := cache.get(key):
            return str(kept)
        with ADDING:
            is_mine = cache.add(f"{key}/busy", "1", timeout=int(PATIENCE_SECONDS * 4))
        if is_mine and not (kept := cache.get(key)):
            return True
        if is_mine:  # somebody finished between our two looks
            cache.delete(f"{key}/busy")
            return str(kept)
        if time.monotonic() > end:
            return None
        time.sleep(0.02)


def whole(act: Callable[[], Response]) -> Response:
    """The answer as for somebody who has nothing of it yet."""
    had = request.environ.pop("HTTP_IF_NONE_MATCH", None)
    try:
        return act()
    finally:
        if had is not None:
            request.environ["HTTP_IF_NONE_MATCH"] = had


def is_keepable(response: Response) -> bool:
    """Nothing that is an error, a stream, large, or meant for one browser only."""
    own = "Set-Cookie" in response.headers or session.modified or has_form_token()
    plain = response.status_code == 200 and not (response.is_streamed or own)
    refused = "no-store" in response.headers.get("Cache-Control", "")
    return plain and not refused and len(response.get_data()) <= LONGEST


def has_form_token() -> bool:
    return hasattr(g, current_app.config.get("WTF_CSRF_FIELD_NAME", "csrf_token"))


def written(response: Response) -> str:
    headers = [(name, response.headers[name]) for name in KEPT if name in response.headers]
    return json.dumps([headers, b64encode(response.get_data()).decode()])


def read(text: str) -> Response:
    headers, body = json.loads(text)
    return Response(b64decode(body), headers=headers)


def told(rule: Rule, response: Response) -> Response:
    """Say who else may keep it, and 304 to whoever has it."""
    anybodys = rule.shared and not current_user.is_authenticated
    longest = min(rule.seconds, current_app.config["CLIENT_CACHE_MAX_AGE"])
    response.headers["Cache-Control"] = (
        f"public, max-age={longest}" if anybodys else "private, no-cache"
    )
    if not response.get_etag()[0]:
        response.add_etag()
    response.make_conditional(request)
    return response


@event.listens_for(db.session, "after_commit")
def note_commit(_session: Any) -> None:
    if has_app_context():
        g.has_committed = True
