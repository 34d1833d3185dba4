"""Redis by its address: one server, or whichever of several the Sentinels name as the master.

    redis://user:password@host:6379/0
    rediss://host:6379/0
    redis+sentinel://user:password@sentinel-1:26379,sentinel-2:26379/service/0

What follows "?" are options of redis-py (``socket_timeout=2``). The user and the password are those
of the servers; Sentinels that ask for one get ``sentinel_username`` and ``sentinel_password``.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry
from redis.sentinel import Sentinel

BY_SENTINEL = "redis+sentinel"
SCHEMES = ("redis", "rediss", BY_SENTINEL)
SENTINEL_PORT = 26379
PATIENCE = ("socket_connect_timeout", "socket_timeout", "retry")  # with Sentinels, too
LIKE = (
    "must look like redis://host:6379/0, rediss://user:password@host:6379/0 or "
    "redis+sentinel://host:26379,host:26379/service/0"
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
        told = dict(parse_url(f"redis://{user}{at}server/{db}?{urlencode(asked)}"))  # type: ignore[no-untyped-call]
        servers = {key: value for key, value in told.items() if key not in ("host", "port")}
        places = [place(each) for each in hosts.split(",")]
        return cls(places, service, {key: value for key, value in own.items() if value}, servers)


def place(text: str) -> tuple[str, int]:
    """A host and its port. Raises ValueError if there is no host, or no such port."""
    parts = urlsplit(f"//{text}")
    if not parts.hostname or parts.port == 0:
        raise ValueError(LIKE)
    return parts.hostname, parts.port or SENTINEL_PORT


def check(url: str) -> str:
    """The address, if it is one. Raises ValueError with what it must look like."""
    try:
        if urlsplit(url).scheme == BY_SENTINEL:
            Sentinels.read(url)
            return url
        parts = urlsplit(url)
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
    return parts.hostname, parts.port or 6379


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
    told = {**options, **known.servers}
    master: Redis = sentinel.master_for(known.service, **told)  # type: ignore[no-untyped-call]
    return master.connection_pool


def client_of(url: str, **options: Any) -> Redis:
    return Redis.from_pool(pool_of(url, **options))


def redis_patience(seconds: float) -> dict[str, Any]:
    """How long to wait for Redis: briefly, and once, since everything works without it."""
    return {
        "socket_connect_timeout": 0.5,
        "socket_timeout": seconds,
        "retry": Retry(NoBackoff(), 0),
    }
