"""What every template knows: the settings, the way around, and how the person likes it."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from flask import Flask, current_app, g, request, url_for
from flask_login import current_user

from app.envelope import request_id

# (group, who sees it, [(label, endpoint, icon, the blueprints or endpoints it stands for)])
WAYS: tuple[tuple[str, bool, tuple[tuple[str, str, str, tuple[str, ...]], ...]], ...] = (
    (
        "Account",
        False,
        (
            ("Overview", "home.index", "gauge", ("home", "tiers.quotas", "tiers.compare")),
            ("Tasks", "jobs.index", "play", ("jobs",)),
            ("Profile", "profile.index", "user", ("profile", "data", "leaving")),
            (
                "Security",
                "security.index",
                "shield",
                ("security.index", "security.change_password", "factors"),
            ),
            ("API tokens", "tokens.index", "key", ("tokens",)),
            ("Recent activity", "audit.activity", "clock", ("audit.activity",)),
        ),
    ),
    ("Developers", False, (("API", "reference.index", "book", ("reference",)),)),
    (
        "Operate",
        True,
        (
            ("Users", "users.index", "people", ("users", "security.sessions_of")),
            ("Tiers", "tiers.index", "layers", ("tiers",)),
            ("Jobs", "board.index", "cog", ("board",)),
            ("Audit log", "audit.index", "list", ("audit.index",)),
            ("System", "system.show", "pulse", ("system",)),
            ("Mail", "mail.index", "mail", ("mail",)),
        ),
    ),
)

# Ways of features that wire themselves, by the endpoint of the way that they come after.
MORE_WAYS: dict[str, tuple[str, str, str, tuple[str, ...]]] = {}

# What is said beside a way: how many need attention ("" for none), and the word that is read after.
Counting = Callable[[], tuple[str, str]]
COUNTS: dict[str, Counting] = {}


def counts_for(endpoint: str) -> Callable[[Counting], Counting]:
    """Let the function say what stands beside a way; only who sees the way causes its query."""

    def keep(function: Counting) -> Counting:
        COUNTS[endpoint] = function
        return function

    return keep


def init_app(app: Flask) -> None:
    app.context_processor(for_every_template)


def for_every_template() -> dict[str, Any]:
    return {
        "settings": current_app.config["SETTINGS"],
        "navigation": navigation,
        "theme": theme,
        "keys_off": bool(getattr(g.get("_login_user"), "keys_off", False)),
        "request_id": request_id(),
    }


def theme() -> str | None:
    """Light or dark, where the request knows the person already; a failure page asks nothing."""
    return getattr(g.get("_login_user"), "theme", None)


def navigation() -> list[dict[str, Any]]:
    """The groups this person may use, with the place they are at."""
    return [
        {"title": title, "items": [way(*item) for item in with_more(items) if is_there(item[1])]}
        for title, operators_only, items in WAYS
        if not operators_only or current_user.is_superuser
    ]


def with_more(items: Iterable[tuple[str, str, str, tuple[str, ...]]]) -> Iterator[Any]:
    for item in items:
        yield item
        if item[1] in MORE_WAYS:
            yield MORE_WAYS[item[1]]


def is_there(endpoint: str) -> bool:
    """Mails are read here only where they are kept instead of being sent."""
    keeps_mail: bool = current_app.config["SETTINGS"].keeps_mail
    return endpoint != "mail.index" or keeps_mail


def way(label: str, endpoint: str, icon: str, stands_for: tuple[str, ...]) -> dict[str, Any]:
    here = request.endpoint or ""
    is_current = here in stands_for or (
        here.partition(".")[0] in stands_for and here not in ("tiers.quotas", "tiers.compare")
    )
    shown = {"label": label, "url": url_for(endpoint), "icon": icon, "current": is_current}
    if endpoint in COUNTS:
        shown["count"], shown["count_label"] = COUNTS[endpoint]()
    return shown
