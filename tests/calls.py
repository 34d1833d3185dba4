"""What programs send to the API, as whom."""

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from tests.tokens.deeds import bearing, token_of

ROOT = "/api/v1"


class Caller:
    """A program with a personal token of somebody; of nobody, as strangers are."""

    def __init__(self, app: Flask, username: str | None = None, scope: str = "write") -> None:
        self.app = app
        self.headers = bearing(token_of(app, username, scope)) if username else {}

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        """``If_Match="…"`` is sent as If-Match."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        options: dict[str, Any] = {} if body is None else {"json": body}
        client = self.app.test_client()
        return client.open(ROOT + path, method=method, headers={**self.headers, **sent}, **options)

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> TestResponse:
        return self.ask("POST", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> TestResponse:
        return self.ask("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> TestResponse:
        return self.ask("DELETE", path, **headers)


def told(answer: TestResponse) -> tuple[int, Any]:
    """The status, and the message or what is wrong."""
    said = answer.json
    return answer.status_code, said.get("message", said.get("detail"))


def wrong_fields(answer: TestResponse) -> list[str]:
    """Which fields are refused."""
    assert answer.status_code == 422, answer.json
    return [each["loc"][-1] for each in answer.json["detail"]]
