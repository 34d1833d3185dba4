"""Redis by its address: one server, the master that Sentinels name, or a cluster.

    redis://user:password@host:6379/0
    rediss://host:6379/0
    redis+sentinel://user:password@sentinel-1:26379,sentinel-2:26379/service/0
    redis+cluster://user:password@node-1:6379,node-2:6379

What follows "?" are options of redis-py (``socket_timeout=2``). The user and the password are those
of the servers; Sentinels that ask for one get ``sentinel_username`` and ``sentinel_password``. A
cluster needs one node that answers, finds the others by it, and speaks TLS with ``?ssl=true``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry
from redis.sentinel import Sentinel

from app.redis_cluster import LIMITS_SCHEME, Cluster

BY_SENTINEL, BY_CLUSTER = "redis+sentinel", "redis+cluster"
SCHEMES = ("redis", "rediss")
PORT, SENTINEL_PORT = 6379, 26379
PATIENCE = ("socket_connect_timeout", "socket_timeout", "retry")  # with Sentinels, too
LIKE = (
    "must look like redis://host:6379/0, rediss://user:password@host:6379/0, "
    "redis+sentinel://host:26379,host:26379/service/0 or redis+cluster://host:6379,host:6379"
)


@dataclass(frozen=True)
class Sentinels:
    """Where Sentinels are, and the service that is asked for."""

    places: list[tuple[str, int]]
    service: str
    own: dict[str, str]  # what the Sentinels themselves are told
    servers: dict[str, Any]  # what the servers are told: db, username, password, options

    @classmethod
    def read(cls, url: str) -> "Sentinels":
        """Raises ValueError if it is no such address."""
        parts = urlsplit(url)
        user, at, hosts = parts.netloc.rpartition("@")
        service, _, db = parts.path.strip("/").partition("/")
        if not service or not hosts or (db and not db.isdecimal()):
            raise ValueError(LIKE)
        asked = dict(parse_qsl(parts.query))
        own = {key: asked.pop(f"sentinel_{key}", "") for key in ("username", "password")}
        servers = told(f"{user}{at}", db, asked)
        places = [place(each, SENTINEL_PORT) for each in hosts.split(",")]
        return cls(places, service, {key: value for key, value in own.items() if value}, servers)


@dataclass(frozen=True)
class Nodes:
    """Where nodes of a cluster are."""

    places: list[tuple[str, int]]
    options: dict[str, Any]  # what each node is told: username, password, options

    @classmethod
    def read(cls, url: str) -> "Nodes":
        """Raises ValueError if it is no such address. A cluster has one database, 0."""
        parts = urlsplit(url)
        user, at, hosts = parts.netloc.rpartition("@")
        if not hosts or parts.path not in ("", "/", "/0"):
            raise ValueError(LIKE)
        asked = dict(parse_qsl(parts.query))
        options = told(f"{user}{at}", "", {key: asked[key] for key in asked if key != "ssl"})
        if asked.get("ssl", "").lower() in ("1", "true", "yes"):
            options["ssl"] = True
        return cls([place(each, PORT) for each in hosts.split(",")], options)


def told(user: str, db: str, asked: dict[str, str]) -> dict[str, Any]:
    """What servers are told, as redis-py reads it from an address."""
    known = dict(parse_url(f"redis://{user}server/{db}?{urlencode(asked)}"))  # type: ignore[no-untyped-call]
    return {key: value for key, value in known.items() if key not in ("host", "port")}


def place(text: str, port: int) -> tuple[str, int]:
    """A host and its port. Raises ValueError if there is no host, or no such port."""
    parts = urlsplit(f"//{text}")
    if not parts.hostname or parts.port == 0:
        raise ValueError(LIKE)
    return parts.hostname, parts.port or port


READERS: dict[str, Callable[[str], Any]] = {BY_SENTINEL: Sentinels.read, BY_CLUSTER: Nodes.read}


def check(url: str) -> str:
    """The address, if it is one. Raises ValueError with what it must look like."""
    try:
        parts = urlsplit(url)
        if parts.scheme in READERS:
            READERS[parts.scheme](url)
            return url
        is_usable = parts.scheme in SCHEMES and parts.hostname and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise ValueError(LIKE)
    return url


def servers_of(url: str) -> object:
    """What tells whether two addresses lead to the same servers, whatever the database."""
    parts = urlsplit(url)
    if parts.scheme == BY_SENTINEL:
        known = Sentinels.read(url)
        return sorted(known.places), known.service
    if parts.scheme == BY_CLUSTER:
        return sorted(Nodes.read(url).places)
    return parts.hostname, parts.port or PORT


def is_cluster(url: str) -> bool:
    return urlsplit(url).scheme == BY_CLUSTER


def pool_of(url: str, **options: Any) -> ConnectionPool:
    """Connections to the server, or to the master of the moment; nothing is asked yet.

    ``options`` are those of redis-py; what the address says wins.
    """
    if urlsplit(url).scheme != BY_SENTINEL:
        return ConnectionPool.from_url(url, **options)
    known = Sentinels.read(url)
    patience = {key: options[key] for key in PATIENCE if key in options}
    own = {**patience, **known.own}
    sentinel = Sentinel(known.places, sentinel_kwargs=own)  # type: ignore[no-untyped-call]
    every = {**options, **known.servers}
    master: Redis = sentinel.master_for(known.service, **every)  # type: ignore[no-untyped-call]
    return master.connection_pool


def cluster_of(url: str, **options: Any) -> Cluster:
    known = Nodes.read(url)
    return Cluster(known.places, **{**options, **known.options})


def client_of(url: str, **options: Any) -> Redis:
    """What takes the commands, whatever it leads to; nothing is asked yet."""
    if is_cluster(url):
        return cast(Redis, cluster_of(url, **options))
    return Redis.from_pool(pool_of(url, **options))


def limits_storage(url: str, **options: Any) -> tuple[str, dict[str, Any]]:
    """The kind of Flask-Limiter's storage, and what it is given: who knows the address."""
    if is_cluster(url):
        return f"{LIMITS_SCHEME}://", {"connection_pool": cluster_of(url, **options)}
    return "redis://", {"connection_pool": pool_of(url, **options)}


def redis_patience(seconds: float) -> dict[str, Any]:
    """How long to wait for Redis: briefly, and once, since everything works without it."""
    return {
        "socket_connect_timeout": 0.5,
        "socket_timeout": seconds,
        "retry": Retry(NoBackoff(), 0),
    }
