"""A Redis Cluster: its client, and what lets the limits and the queue use it.

Nothing is asked before the first command, and what the cluster cannot do is a ConnectionError like
any other: the site starts, and goes on, without it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from huey.storage import PriorityRedisExpireStorage
from limits.storage import RedisStorage
from redis import ConnectionError as GoneError
from redis import ConnectionPool, TimeoutError
from redis.cluster import ClusterNode, RedisCluster
from redis.commands.core import Script
from redis.exceptions import RedisClusterException

LIMITS_SCHEME = "gatehouse+cluster"


class Cluster:
    """The commands of ``redis.cluster.RedisCluster``, which connects when it is made; this one
    does when it is first used. After a failure it asks anew who has what.

    A command of several keys (``mget``, ``delete``) goes to each node for those it has.
    """

    def __init__(self, places: list[tuple[str, int]], **options: Any) -> None:
        self._places = places
        self._options = options
        self._lock = Lock()
        self._known: Any = None

    def _client(self) -> Any:
        with self._lock:
            if self._known is None:
                nodes = [ClusterNode(*place) for place in self._places]  # type: ignore[no-untyped-call]
                self._known = RedisCluster(startup_nodes=nodes, **self._options)
            return self._known

    @contextmanager
    def _told_as_gone(self) -> Iterator[None]:
        """redis-py tells by an error of its own that no node answers, or that slots are missing."""
        try:
            yield
        except (RedisClusterException, GoneError, TimeoutError) as error:
            with self._lock:
                self._known = None  # other threads may use it still: whoever is last closes it
            if isinstance(error, RedisClusterException):
                raise GoneError(str(error)) from error
            raise

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)

        def act(*args: Any, **named: Any) -> Any:
            with self._told_as_gone():
                return getattr(self._client(), name)(*args, **named)

        return act

    def mget(self, keys: Any, *more: Any) -> list[Any]:
        """As many trips, at once, as the keys have slots; of each node, not of one moment."""
        with self._told_as_gone():
            return list(self._client().mget_nonatomic(keys, *more))

    def pipeline(self, transaction: bool = False) -> Any:
        """Commands to be sent together, to each node its own; never a transaction."""
        with self._told_as_gone():
            made = self._client().pipeline()
        execute = made.execute

        def act(*args: Any, **named: Any) -> Any:
            with self._told_as_gone():
                return execute(*args, **named)

        made.execute = act
        return made

    def register_script(self, script: str) -> Script:
        return Script(self, script)  # type: ignore[arg-type]

    def get_encoder(self) -> Any:
        """For the text of a script, without asking anybody."""
        return ConnectionPool().get_encoder()

    def close(self) -> None:
        with self._lock:
            if self._known is not None:
                self._known.close()
                self._known = None

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class ClusterLimits(RedisStorage):
    """The throttles' counts; each has one key, so any node may have it."""

    STORAGE_SCHEME = [LIMITS_SCHEME]

    def __init__(self, uri: str, connection_pool: Cluster, **options: Any) -> None:
        self._cluster = connection_pool  # a client where there is a pool otherwise, as for Huey
        super().__init__(uri, connection_pool=ConnectionPool(), **options)

    def get_connection(self, readonly: bool = False) -> Any:
        return self._cluster

    def reset(self) -> int:
        """Forget every count. Walks through all keys of the cluster: for tests and operators."""
        keys = list(self._cluster.scan_iter(f"{self.prefixed_key('')}*", count=1000))
        return sum(self._cluster.delete(key) for key in keys)


class ClusterQueue(PriorityRedisExpireStorage):
    """Huey's keys, each asked for alone."""

    @staticmethod
    def redis_client(connection_pool: Cluster) -> Cluster:
        """Huey is given a client where it has a pool otherwise."""
        return connection_pool
