"""What a page complains about while somebody uses it."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import ConsoleMessage, Page, Response

# Chromium says this of every 4xx and 5xx answer; a 422 is no fault, and a 5xx is noted below.
OF_ANY_REFUSAL = "Failed to load resource"


class Watch:
    """Collects console errors and warnings, policy violations, script errors and 5xx answers."""

    def __init__(self, expecting: tuple[str, ...] = ()) -> None:
        self.complaints: list[str] = []
        self._expecting = expecting
        self._watched: list[Page] = []
        self._ears: dict[str, Callable[[Any], None]] = {
            "console": self._heard,
            "pageerror": lambda error: self._note(f"script: {error}"),
            "response": self._answered,
        }

    def look_at(self, page: Page) -> None:
        self._watched.append(page)
        for what, hear in self._ears.items():
            page.on(what, hear)  # type: ignore[call-overload]

    def look_away(self, page: Page) -> None:
        if page in self._watched:
            for what, hear in self._ears.items():
                page.remove_listener(what, hear)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and OF_ANY_REFUSAL not in message.text:
            self._note(f"console: {message.text}")

    def _answered(self, response: Response) -> None:
        if response.status >= 500:
            self._note(f"{response.status} from {response.request.method} {response.url}")

    def _note(self, complaint: str) -> None:
        if not any(word in complaint for word in self._expecting):
            self.complaints.append(complaint)
