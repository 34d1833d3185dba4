"""A client that knows nothing of us but the page that describes the API, and curl as it is printed
there, against a web process and a worker as people run them.
"""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.browser.site import Site
from tests.people import PASSWORD

OTHER = "seven green bottles"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site")) as live:
        yield live


class Client:
    """Signs in with a form, sends the token that comes back, and keeps the cookie."""

    def __init__(self, site: Site) -> None:
        self.http = httpx.Client(base_url=f"{site.address}/api/v1/", timeout=30)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def login(self, username: str, password: str) -> None:
        form = {"username": username, "password": password}
        self.take(self.http.post("login", data=form))

    def take(self, answer: httpx.Response) -> None:
        assert answer.status_code == 200, answer.text
        said = answer.json()
        assert said["token_type"] == "bearer"
        self.http.headers["Authorization"] = f"Bearer {said['access_token']}"

    def ask(self, method: str, path: str, status: int = 200, body: Any = None) -> Any:
        answer = self.http.request(method, path, json=body)
        assert answer.status_code == status, (path, answer.text)
        return answer.json()


def test_the_whole_way(site: Site) -> None:
    with Client(site) as admin, Client(site) as dora:
        prepare(admin)
        dora.login("dora@example.com", OTHER)
        me = dora.ask("GET", "user/me/")
        assert (me["username"], me["tier_id"]) == ("dora", admin.ask("GET", "tier/gold")["id"])
        work(dora)
        dora.take(dora.http.post("refresh"))
        if "/api/v1/{username}/post" in httpx.get(f"{site.address}/openapi.json").json()["paths"]:
            write(dora)
        leave(dora)
        clean_up(admin)


def prepare(admin: Client) -> None:
    """A tier with a limit, and somebody on it."""
    admin.login("alice", PASSWORD)
    tier = admin.ask("POST", "tier", 201, {"name": "gold"})
    rule = {"path": "api/v1/tasks/task", "limit": 2, "period": 86_400, "name": "starts"}
    limit = admin.ask("POST", "tier/gold/rate_limit", 201, rule)
    assert (limit["path"], limit["limit"]) == ("api_v1_tasks_task", 2)
    guest = {"name": "Dora Dean", "username": "dora", "email": "dora@example.com"}
    dora = admin.ask("POST", "user", 201, {**guest, "password": OTHER})
    assert dora["tier_id"] != tier["id"]
    moved = admin.ask("PATCH", "user/dora/tier", body={"tier_id": tier["id"]})
    assert moved == {"message": "User Dora Dean Tier updated"}
    assert "dora" in [user["username"] for user in pages(admin, "users")]


def pages(client: Client, path: str) -> list[dict[str, Any]]:
    """Everything in a list, two at a time."""
    found: list[dict[str, Any]] = []
    page = {"has_more": True, "page": 0}
    while page["has_more"]:
        page = client.ask("GET", f"{path}?page={page['page'] + 1}&items_per_page=2")
        found += page["data"]
    assert len(found) == page["total_count"]
    return found


def work(dora: Client) -> None:
    """Start a task, wait for it, and start more than are allowed."""
    task = dora.ask("POST", "tasks/task?message=hello", 201)
    ended = wait(dora, task["id"])
    assert (ended["status"], ended["success"], ended["args"]) == ("succeeded", True, ["hello"])
    dora.ask("POST", "tasks/task?message=again", 201)
    refused = dora.http.post("tasks/task", params={"message": "too many"})
    said = refused.json()
    assert (refused.status_code, said["detail"]) == (429, "Rate limit exceeded.")
    assert (said["limit"], said["period"]) == (2, 86_400)
    assert int(refused.headers["Retry-After"]) == said["retry_after"] >= 1


def wait(client: Client, task: str) -> Any:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        said = client.ask("GET", f"tasks/task/{task}")
        if said["finish_time"]:
            return said
        time.sleep(0.2)
    raise AssertionError(said)


def write(dora: Client) -> None:
    """A post, from the first word to the last."""
    post = dora.ask("POST", "dora/post", 201, {"title": "Hello", "text": "What I saw"})
    path = f"dora/post/{post['id']}"
    assert dora.ask("GET", path)["title"] == "Hello"
    assert dora.ask("PATCH", path, body={"title": "Again"}) == {"message": "Post updated"}
    assert [each["title"] for each in pages(dora, "dora/posts")] == ["Again"]
    assert dora.ask("DELETE", path) == {"message": "Post deleted"}
    dora.ask("GET", path, 404)


def leave(dora: Client) -> None:
    assert dora.ask("POST", "logout") == {"message": "Logged out successfully"}
    dora.ask("GET", "user/me/", 401)
    dora.ask("POST", "refresh", 401)


def clean_up(admin: Client) -> None:
    assert admin.ask("DELETE", "user/dora") == {"message": "User deleted"}
    restored = admin.ask("POST", "user/dora/restore")
    assert restored["username"] == "dora"
    gone = {"message": "User deleted from the database"}
    assert admin.ask("DELETE", "db_user/dora") == gone
    assert admin.ask("DELETE", "tier/gold") == {"message": "Tier deleted"}


@pytest.mark.skipif(shutil.which("curl") is None, reason="There is no curl here.")
def test_curl_as_printed(site: Site, tmp_path: Path) -> None:
    """The lines are the ones that everybody has in their notes, but for the address."""
    ada = site.newcomer("Ada", "pro").username
    root = f"{site.address}/api/v1"
    token = curl(
        f"curl -X 'POST' '{root}/login' -H 'accept: application/json' -c cookies.txt "
        "-H 'Content-Type: application/x-www-form-urlencoded' "
        f"-d 'grant_type=password&username={ada}&password={PASSWORD.replace(' ', '+')}'",
        tmp_path,
    )["access_token"]

    bearing = f"-H 'accept: application/json' -H 'Authorization: Bearer {token}'"
    assert curl(f"curl -X 'GET' '{root}/user/me/' {bearing}", tmp_path)["username"] == ada
    task = curl(f"curl -X 'POST' '{root}/tasks/task?message=hello' {bearing} -d ''", tmp_path)
    got = curl(f"curl -X 'GET' '{root}/tasks/task/{task['id']}' {bearing}", tmp_path)
    assert got["args"] == ["hello"]
    alone = curl(
        f"curl -X 'POST' '{root}/tasks/task?message=hello' -H 'accept: application/json' -d ''",
        tmp_path,
    )
    assert curl(f"curl '{root}/tasks/task/{alone['id']}'", tmp_path)["id"] == alone["id"]
    refresh = f"curl -X 'POST' '{root}/refresh' -b cookies.txt -c cookies.txt"
    assert set(curl(refresh, tmp_path)) == {"access_token", "token_type"}
    out = curl(f"curl -X 'POST' '{root}/logout' -b cookies.txt {bearing}", tmp_path)
    assert out == {"message": "Logged out successfully"}
    assert curl(f"curl '{root}/user/me/' {bearing}", tmp_path)["status"] == 401


def curl(line: str, folder: Path) -> Any:
    said = subprocess.run(
        ["sh", "-c", f"{line} -sS"], cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout)
