"""For whom the documents of the API are open: everybody where it is developed, operators where it
is tried, nobody where it is used.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import abort, current_app
from flask_login import current_user

from app.access import operators_only

LOCAL, STAGING = "local", "staging"


def environment() -> str:
    return str(current_app.config["SETTINGS"].environment)


def are_open() -> bool:
    """Whether this person may open the documents."""
    return environment() == LOCAL or (environment() == STAGING and bool(current_user.is_superuser))


def where_documents_are_open(view: Callable[..., Any]) -> Callable[..., Any]:
    """Let everybody pass locally, operators in staging; in production there is no such page."""
    guarded = operators_only(view)

    @wraps(view)
    def opened(*args: Any, **kwargs: Any) -> Any:
        if environment() not in (LOCAL, STAGING):
            abort(404)
        return (view if environment() == LOCAL else guarded)(*args, **kwargs)

    return opened
