"""A master, a copy of it and a Sentinel that watches them, to throw away: for tests."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from tests.on_redis import soon
from tests.servers import Redis

SERVICE = "gatehouse"


class Watcher(Redis):
    """A Sentinel that is alone, so that its word is enough."""

    def __init__(self, master: Redis) -> None:
        super().__init__()
        self.file = self.folder / "sentinel.conf"
        self.file.write_text(
            f"bind 127.0.0.1\nport {self.port}\n"
            f"sentinel monitor {SERVICE} 127.0.0.1 {master.port} 1\n"
            f"sentinel down-after-milliseconds {SERVICE} 500\n"
            f"sentinel failover-timeout {SERVICE} 3000\n"
        )

    def command(self) -> list[str | Path]:
        return [self.program, self.file, "--sentinel"]

    def address(self, db: int) -> str:
        """What a setting says."""
        return f"redis+sentinel://127.0.0.1:{self.port}/{SERVICE}/{db}"

    def wait_for_copy(self) -> None:
        """Until the Sentinel knows the copy, and it has what the master had."""
        self._wait(lambda told: told["num-slaves"] == 1)

    def wait_for_master(self, port: int) -> None:
        self._wait(lambda told: told["port"] == port)

    def _wait(self, is_so: Callable[[Any], bool]) -> None:
        with redis.Redis(host="127.0.0.1", port=self.port) as client:
            soon(lambda: is_so(client.sentinel_master(SERVICE)))


@contextmanager
def watched() -> Iterator[tuple[Redis, Redis, Watcher]]:
    with Redis() as master:
        follow = {"replicaof": f"127.0.0.1 {master.port}", "repl-diskless-sync-delay": "0"}
        with Redis(settings=follow) as copy, Watcher(master) as watcher:
            watcher.wait_for_copy()
            yield master, copy, watcher
