"""Which answers may be kept at all, and by whom outside of this site."""

from typing import Any

from flask import Response, current_app, g, request
from flask.globals import request_ctx

from app.envelope import versioned
from app.htmx import PART_HEADERS
from app.kept import LONGEST


def may_be_kept(response: Response, shared: bool) -> bool:
    """Never an error, a stream, a cookie, a token, what is large, or what says so itself."""
    said = response.cache_control
    is_private = said.no_store or "*" in response.vary or (shared and said.private is not None)
    is_whole = not (response.is_streamed or response.direct_passthrough)
    return (
        response.status_code == 200
        and is_whole
        and not is_private
        and not brings_a_cookie(response)
        and current_app.config["WTF_CSRF_FIELD_NAME"] not in g
        and len(response.get_data()) <= LONGEST
    )


def brings_a_cookie(response: Response) -> bool:
    """Now, or once the request ends."""
    here: Any = request_ctx
    is_changed = here._session is not None and here._session.modified
    return "Set-Cookie" in response.headers or is_changed or bool(here._after_request_functions)


def say_who_may_keep(response: Response, max_age: int | None) -> None:
    """Everybody, where strangers may read it; else whoever asked, who asks again each time."""
    versioned(response)
    view = current_app.view_functions[request.endpoint or ""]
    if getattr(view, "for_whom", None) != "anybody" or "Cache-Control" in response.headers:
        return
    usual = current_app.config["CLIENT_CACHE_MAX_AGE"]
    seconds = usual if max_age is None else max_age
    response.headers["Cache-Control"] = (
        f"public, max-age={seconds}" if seconds else "public, no-cache"
    )
    response.vary.update(PART_HEADERS)
