"""A whole page, or the part of it that changed: nobody else looks at the headers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, flash, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.urls import iri_to_uri

CAME_FROM = "came_from"
PART_HEADERS = ("HX-Request", "HX-History-Restore-Request", "HX-Boosted")


@dataclass(frozen=True)
class Toast:
    """What was done, in one sentence; with the address and the fields that take it back."""

    text: str
    undo: str | None = None
    undo_data: Mapping[str, Any] = field(default_factory=dict)
    is_problem: bool = False

    def as_dict(self) -> dict[str, Any]:
        return {"text": self.text, "undo": self.undo, "undo_data": dict(self.undo_data)}


def init_app(app: Flask) -> None:
    @app.after_request
    def vary(response: Response) -> Response:
        response.vary.add("HX-Request")
        return response


def wants_part() -> bool:
    """Whether htmx asks for a fragment. Restoring history needs the page."""
    headers = request.headers
    return (
        headers.get("HX-Request") == "true"
        and headers.get("HX-History-Restore-Request") != "true"
        and headers.get("HX-Boosted") != "true"
    )


def render(page: str, fragment: str, /, **context: Any) -> str:
    """Draw ``fragment`` for htmx, the ``page`` around it for everybody else."""
    return render_template(fragment if wants_part() else page, **context)


def swap_or_redirect(
    fragment: str, location: str, toast: Toast | None = None, /, **context: Any
) -> Response:
    """Answer a change: the fragment and its toast for htmx, else 303 to ``location``.

    Undo is pressed on a toast, far from what it changes, so it gets the page again.
    """
    if not wants_part() or request.form.get("undo"):
        return redirect_with(location, toast)
    toasts = render_template("_toasts.html", toasts=[toast.as_dict()]) if toast else ""
    return make_response(render_template(fragment, **context) + toasts)


def announcing(response: ResponseReturnValue, text: str) -> Response:
    """Let a screen reader say ``text`` once the part is on the page; whole pages say it anyway."""
    answer = make_response(response)
    if wants_part():
        answer.headers["HX-Trigger"] = json.dumps({"announce": text})
    return answer


def redirect_with(location: str, toast: Toast | None = None) -> Response:
    """Send a browser to ``location``, whether it asked by itself or through htmx."""
    if toast:
        # The session keeps JSON values, not only text.
        flash(toast.as_dict(), "error" if toast.is_problem else "toast")  # type: ignore[arg-type]
    if not wants_part():
        return make_response(redirect(location, code=303))
    return Response(status=204, headers={"HX-Redirect": iri_to_uri(location)})


def own_page(target: str | None, otherwise: str) -> str:
    """``target`` when it is an address on this site, else ``otherwise``.

    Only a path that starts with a single slash is followed; what browsers read as another host
    (``//host``, ``/\\host``, control characters) is not.
    """
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return otherwise
    if "\\" in target or any(ord(letter) < 33 for letter in target):
        return otherwise
    parts = urlsplit(target)
    return otherwise if parts.scheme or parts.netloc else target


def page_before(otherwise: str) -> str:
    """The page of this site the request came from, so that filters and place survive.

    A page that asked for the password in between sends on where the person was before it.
    """
    return own_page(request.form.get(CAME_FROM), "") or referring_page(otherwise)


def referring_page(otherwise: str) -> str:
    """The page of this site the request came from, as the browser itself says."""
    try:
        parts = urlsplit(request.referrer or "")
    except ValueError:
        return otherwise
    if parts.netloc != request.host:
        return otherwise
    return own_page(parts.path + (f"?{parts.query}" if parts.query else ""), otherwise)
