"""The kinds of values that settings have: how each is read, and what is said when it is wrong."""

import os
import re
from collections.abc import Callable
from ipaddress import IPv6Address
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StringConstraints
from pydantic_settings import NoDecode
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from app import redis_servers

PROJECT_ROOT = Path(__file__).resolve().parent.parent
Known = dict[str, Any]  # the settings read so far, by attribute name


def _host_name(host: str) -> str:
    try:
        plain = IPv6Address(host) if ":" in host else re.fullmatch(r"[\w.-]+", host)
    except ValueError:
        plain = None
    if not plain:
        raise ValueError("must be a host name or address alone, without scheme, port or path")
    return host


def _split_hosts(value: object) -> object:
    if not isinstance(value, str):
        return value
    return [host.strip() for host in value.split(",") if host.strip()] or [""]


def _host_names(hosts: list[str]) -> list[str]:
    if not all(re.fullmatch(r"\.?\w[\w.-]*|\[[0-9a-fA-F:.]+\]", host) for host in hosts):
        raise ValueError(
            "must be host names with commas between them, without scheme, port or *; "
            "a leading dot (.example.org) stands for every subdomain"
        )
    return hosts


def _database_url(secret: SecretStr) -> SecretStr:
    text = re.sub("^postgres(ql)?://", "postgresql+psycopg://", secret.get_secret_value())
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        url = URL.create("unreadable")
    on_file = url.drivername == "sqlite" and url.database not in (None, "", ":memory:")
    if not on_file and url.drivername != "postgresql+psycopg":
        raise ValueError(
            "must look like postgresql://user:password@host:5432/name or sqlite:////folder/file"
        )
    return SecretStr(text)


def local_hosts(known: Known) -> list[str]:
    """The names of a developer's own machine, and the address it was told to listen on."""
    usual = ["localhost", "127.0.0.1"]
    everywhere = ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
    return usual if known["host"] in (*usual, *everywhere) else [*usual, known["host"]]


def database_from_parts(known: Known) -> SecretStr:
    parts = [known[f"postgres_{part}"] for part in ("user", "password", "server", "db")]
    if not any(parts):
        url = URL.create("sqlite", database=str(known["data_dir"] / "gatehouse.sqlite3"))
        return SecretStr(url.render_as_string(hide_password=False))
    user, password, server, name = parts
    url = URL.create(
        "postgresql+psycopg",
        username=user or "postgres",
        password=password.get_secret_value() if password else None,
        host=server or "localhost",
        port=known["postgres_port"],
        database=name or "postgres",
    )
    return SecretStr(url.render_as_string(hide_password=False))


def redis_from_parts(purpose: str) -> Callable[[Known], str | None]:
    def url(known: Known) -> str | None:
        host, port = known[f"redis_{purpose}_host"], known[f"redis_{purpose}_port"]
        if not host and not port:
            return None
        host = f"[{host}]" if host and ":" in host else host
        return f"redis://{host or 'localhost'}:{port or 6379}/0"

    return url


def smtp_port(known: Known) -> int:
    """What mail servers usually listen on for that kind of connection (RFC 8314)."""
    return {"starttls": 587, "tls": 465, "none": 25}[known["smtp_security"]]


def _web_origin(text: str) -> str:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        raise ValueError("must look like https://app.example.org, without a path")
    return f"{parts.scheme}://{parts.netloc}/"


def _browser_origin(text: str) -> str:
    """As browsers write it in ``Origin`` (RFC 6454): without the slash and the usual port."""
    parts = urlsplit(_web_origin(text))
    usual = {"http": 80, "https": 443}[parts.scheme]
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}" + (
        f":{parts.port}" if parts.port not in (None, usual) else ""
    )


def web_workers(known: Known) -> int:
    """One when something is kept in the process or in a file, which two would not share well."""
    on_file = known["database_url"].get_secret_value().startswith("sqlite")
    return 1 if on_file or known["redis_rate_limit_url"] is None else 2


def _from_project(path: Path) -> Path:
    return Path(os.path.abspath(PROJECT_ROOT / os.path.expanduser(path)))


def between(least: int, most: int) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=least, max_length=most)


Count = Annotated[int, Field(ge=1, le=2_147_483_647)]
Hours = Annotated[int, Field(ge=1, le=8_760)]
Days = Annotated[int, Field(ge=1, le=3_650)]
Port = Annotated[int, Field(ge=1, le=65_535)]
HostName = Annotated[str, AfterValidator(_host_name)]
Hosts = Annotated[list[str], NoDecode, BeforeValidator(_split_hosts), AfterValidator(_host_names)]
# What may hold a password stays out of repr(): as a SecretStr, or as a field that is not shown.
DatabaseURL = Annotated[SecretStr, AfterValidator(_database_url)]
WebOrigin = Annotated[str, AfterValidator(_web_origin)]
BrowserOrigin = Annotated[str, AfterValidator(_browser_origin)]
Origins = Annotated[list[BrowserOrigin], NoDecode, BeforeValidator(_split_hosts)]
RedisURL = Annotated[str, AfterValidator(redis_servers.check)]
Folder = Annotated[Path, AfterValidator(_from_project)]
