"""The queue: Huey on Redis, or on a file of its own. It carries job ids and nothing else."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import structlog
from flask import Flask, current_app
from huey import PriorityRedisExpireHuey, SqliteHuey
from huey.api import Huey
from huey.serializer import SignedSerializer

from app.config import Settings
from app.redis_cluster import ClusterQueue
from app.redis_servers import cluster_of, is_cluster, pool_of, redis_patience

log = structlog.get_logger()


class Queue:
    """Declares what the consumer can run and hands ids to it, one Huey per application."""

    def __init__(self) -> None:
        self._runners: dict[str, Callable[[str], None]] = {}

    def runner(self, function: Callable[[str], None]) -> Callable[[str], None]:
        """Let the consumer run ``function(id)``, inside an application context."""
        self._runners[function.__name__] = function
        return function

    def init_app(self, app: Flask) -> None:
        huey = make_huey(app.config["SETTINGS"])
        tasks = {name: self._bind(app, huey, name) for name in self._runners}
        app.extensions["queue"] = (huey, tasks)

    def _bind(self, app: Flask, huey: Huey, name: str) -> Any:
        function = self._runners[name]

        def in_context(identifier: str) -> None:
            with app.app_context():
                function(identifier)

        return huey.task(name=name)(in_context)

    @property
    def huey(self) -> Huey:
        return current_app.extensions["queue"][0]

    def send(self, name: str, identifier: str, priority: int = 0) -> bool:
        """Hand ``identifier`` to the consumer. False when the queue cannot be reached.

        Nobody needs to act on False: what is not picked up is sent again by the sweep.
        """
        huey, tasks = current_app.extensions["queue"]
        message = tasks[name].s(identifier, priority=priority)
        try:
            huey.enqueue(message)
        except Exception as error:
            log.warning("queue.unreachable", error=type(error).__name__, job=identifier)
            return False
        return True

    def is_empty(self) -> bool:
        """Whether nothing waits there. An unreachable queue is not known to be empty."""
        try:
            return bool(self.huey.pending_count() == 0)
        except Exception:
            return False


class SignedMessages(SignedSerializer):
    """Huey's signed messages, with HMAC-SHA-256 in place of SHA-1 (ASVS 5.0, 11.4.1)."""

    def __init__(self, secret: str) -> None:
        super().__init__(secret)
        self._key = hashlib.sha256(self.salt + self.secret).digest()

    def _signature(self, message: bytes) -> bytes:
        return hmac.new(self._key, message, hashlib.sha256).hexdigest().encode()


def make_huey(settings: Settings) -> Huey:
    """Huey on the queue's Redis, or on a SQLite file beside (never inside) the database."""
    common = {
        "results": False,
        "serializer": SignedMessages(settings.secret_key.get_secret_value()),
    }
    if settings.redis_queue_url is None:
        settings.queue_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return SqliteHuey("gatehouse", filename=str(settings.queue_path), **common)
    url, patience = settings.redis_queue_url, redis_patience(seconds=3)
    if is_cluster(url):
        client = cluster_of(url, **patience)
        return Huey("gatehouse", storage_class=ClusterQueue, connection_pool=client, **common)
    pool = pool_of(url, **patience)
    return PriorityRedisExpireHuey("gatehouse", connection_pool=pool, **common)
