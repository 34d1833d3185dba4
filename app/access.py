"""Who may pass a door."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import abort, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from app.extensions import login
from app.htmx import redirect_with, wants_part

P = ParamSpec("P")
R = TypeVar("R")

sign_in_required = login_required


def operators_only(view: Callable[P, R]) -> Callable[P, R]:
    """Let superusers pass; others get 403, strangers are asked to sign in."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        if not current_user.is_superuser:
            abort(403, "Only operators can open this.")
        return view(*args, **kwargs)

    return login_required(guarded)


@login.unauthorized_handler
def ask_to_sign_in() -> ResponseReturnValue:
    """Send a stranger to sign-in and, for a page, back here afterwards."""
    here = request.full_path.rstrip("?") if request.method == "GET" and not wants_part() else None
    return redirect_with(url_for("auth.sign_in", next=here))
