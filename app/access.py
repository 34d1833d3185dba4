"""Who may pass a door."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import abort, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from app.database import now
from app.extensions import login
from app.htmx import redirect_with, wants_part
from app.programs import is_for_programs, problem

Ask = Callable[[], ResponseReturnValue | None]

P = ParamSpec("P")
R = TypeVar("R")

NOT_SIGNED_IN = "Send a valid access token: Authorization: Bearer …"

_ask_for_password: list[Ask] = []


def sign_in_required(view: Callable[P, R]) -> Callable[P, R]:
    """Let signed-in people pass; strangers are asked to sign in."""
    guarded: Any = login_required(view)
    guarded.for_whom = "signed in"  # as the published document says
    return guarded


def open_to_strangers(view: Callable[P, R]) -> Callable[P, Any]:
    """Let everybody pass, but for whoever shows a token that is not valid (any more): what they do
    would be nobody's.
    """

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
        shown = request.authorization
        is_bearer = shown is not None and shown.type == "bearer"
        if is_bearer and not current_user.is_authenticated:
            return problem(401, NOT_SIGNED_IN)
        return view(*args, **kwargs)

    guarded.for_whom = "anybody"  # type: ignore[attr-defined]
    return guarded


def operators_only(view: Callable[P, R]) -> Callable[P, R]:
    """Let superusers pass; others get 403, strangers are asked to sign in."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        if not current_user.is_superuser:
            abort(403, "Only operators can open this.")
        return view(*args, **kwargs)

    closed: Any = login_required(guarded)
    closed.for_whom = "operators"
    return closed


def asks_for_password(ask: Ask) -> Ask:
    """Let ``ask`` answer whoever has to confirm the password; None means that it was just done."""
    _ask_for_password[:] = [ask]
    return ask


def ask_for_password() -> ResponseReturnValue | None:
    """The page that asks whoever gave the password too long ago; None for the others."""
    until = current_user.confirmed_until
    return None if until and until > now() else _ask_for_password[0]()


def confirmation_required(view: Callable[P, R]) -> Callable[P, R]:
    """Let those pass who gave their password within ten minutes; the others are asked for it first
    (ASVS 7.5.1). What they sent is kept meanwhile. Stands under the decorator that asks who it is.
    """

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
        answer = ask_for_password()
        return view(*args, **kwargs) if answer is None else answer

    return guarded


@login.unauthorized_handler
def ask_to_sign_in() -> ResponseReturnValue:
    """Send a stranger to sign-in and, for a page, back here afterwards; tell a program 401."""
    if is_for_programs():
        return problem(401, NOT_SIGNED_IN)
    here = request.full_path.rstrip("?") if request.method == "GET" and not wants_part() else None
    return redirect_with(url_for("auth.sign_in", next=here))
