"""Settings, read once from the environment or a .env file; what is wrong is told all at once."""

import os
import re
from collections.abc import Callable, Iterator
from ipaddress import IPv6Address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    EmailStr,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

PROJECT_ROOT = Path(__file__).resolve().parent.parent
LOCAL_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
# Found in published examples and in the first guesses of anybody; spelled without punctuation.
FAMILIAR = (
    *("password", "ch4ng3th1s", "changeme", "changethis", "secretkey", "yoursecret", "insecure"),
    *("example", "placeholder", "letmein", "qwerty", "12345678", "abcdefgh"),
    *("09d25e094faa6ca2556c", "192b9bdd22ab9ed4d12e"),
)
COMPLAINTS = {
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "literal_error": "must be {expected}",
    "string_too_short": "must have {min_length} or more characters",
    "string_too_long": "must have {max_length} or fewer characters",
    "string_pattern_mismatch": "must be 2 to 20 small letters a to z and digits",
}
Known = dict[str, Any]  # the settings read so far, by attribute name
Refusal = tuple[set[str], str]  # the attributes it was judged by, and the sentence


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


def _redis_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("redis", "rediss") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("must look like redis://host:6379/0 or rediss://user:password@host:6379/0")
    return url


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


def _database_from_parts(known: Known) -> SecretStr:
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


def _redis_from_parts(purpose: str) -> Callable[[Known], str | None]:
    def url(known: Known) -> str | None:
        host, port = known[f"redis_{purpose}_host"], known[f"redis_{purpose}_port"]
        if not host and not port:
            return None
        host = f"[{host}]" if host and ":" in host else host
        return f"redis://{host or 'localhost'}:{port or 6379}/0"

    return url


def _web_workers(known: Known) -> int:
    """One when something is kept in the process or in a file, which two would not share well."""
    on_file = known["database_url"].get_secret_value().startswith("sqlite")
    return 1 if on_file or known["redis_rate_limit_url"] is None else 2


def _from_project(path: Path) -> Path:
    return Path(os.path.abspath(PROJECT_ROOT / os.path.expanduser(path)))


def _between(least: int, most: int) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=least, max_length=most)


Count = Annotated[int, Field(ge=1, le=2_147_483_647)]
Hours = Annotated[int, Field(ge=1, le=8_760)]
Days = Annotated[int, Field(ge=1, le=3_650)]
Port = Annotated[int, Field(ge=1, le=65_535)]
HostName = Annotated[str, AfterValidator(_host_name)]
Hosts = Annotated[list[str], NoDecode, BeforeValidator(_split_hosts), AfterValidator(_host_names)]
# What may hold a password stays out of repr(): as a SecretStr, or as a field that is not shown.
DatabaseURL = Annotated[SecretStr, AfterValidator(_database_url)]
RedisURL = Annotated[str, AfterValidator(_redis_url)]
Folder = Annotated[Path, AfterValidator(_from_project)]


class Settings(BaseSettings):
    """One attribute per variable, its name in lower case; docs/configuration.md explains each.

    Only the kind and range of each value are checked here: start with load_settings().
    """

    model_config = SettingsConfigDict(
        env_file=PROJECT_ROOT / ".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    environment: Literal["local", "staging", "production"] = "local"
    debug: bool = False
    secret_key: SecretStr = SecretStr("")
    data_dir: Folder = Path("instance")

    app_name: str = "Gatehouse"
    app_description: str | None = None
    app_version: str | None = None
    contact_name: str | None = None
    contact_email: EmailStr | None = None
    license_name: str | None = Field(None, validation_alias=AliasChoices("LICENSE_NAME", "LICENSE"))

    host: HostName = "127.0.0.1"
    port: Port = 8000
    trusted_hosts: Hosts = Field(
        default_factory=lambda known: LOCAL_HOSTS if known["environment"] == "local" else []
    )
    trusted_proxy_hops: Annotated[int, Field(ge=0, le=100)] = 0
    max_request_bytes: Count = 1_048_576
    client_cache_max_age: Annotated[int, Field(ge=0, le=31_536_000)] = 60

    postgres_user: str | None = None
    postgres_password: SecretStr | None = None
    postgres_server: HostName | None = None
    postgres_port: Port = 5432
    postgres_db: str | None = None
    database_url: DatabaseURL = Field(default_factory=_database_from_parts)
    pgadmin_default_email: str | None = None
    pgadmin_default_password: SecretStr | None = None
    pgadmin_listen_port: Port = 80

    redis_cache_host: HostName | None = None
    redis_cache_port: Port | None = None
    redis_cache_url: RedisURL | None = Field(default_factory=_redis_from_parts("cache"), repr=False)
    redis_queue_host: HostName | None = None
    redis_queue_port: Port | None = None
    redis_queue_url: RedisURL | None = Field(default_factory=_redis_from_parts("queue"), repr=False)
    redis_rate_limit_host: HostName | None = None
    redis_rate_limit_port: Port | None = None
    redis_rate_limit_url: RedisURL | None = Field(
        default_factory=_redis_from_parts("rate_limit"), repr=False
    )

    algorithm: Literal["HS256", "HS384", "HS512"] = "HS256"
    access_token_expire_minutes: Count = 30
    refresh_token_expire_days: Days = 7
    session_idle_hours: Hours = 24
    session_remember_days: Days = 7
    session_absolute_days: Days = 30

    admin_name: Annotated[str, _between(2, 30)] = "Admin"
    admin_email: EmailStr = "admin@example.com"
    admin_username: Annotated[str, Field(pattern="^[a-z0-9]{2,20}$")] = "admin"
    admin_password: SecretStr | None = None
    test_name: str | None = None
    test_email: str | None = None
    test_username: str | None = None
    test_password: SecretStr | None = None

    tier_name: Annotated[str, _between(1, 64)] = "free"
    default_rate_limit_limit: Count = 10
    default_rate_limit_period: Count = 3600

    web_workers: Count = Field(default_factory=_web_workers)
    web_threads: Count = 4
    worker_threads: Count = 4
    job_lease_seconds: Count = 30
    job_max_attempts: Count = 3
    job_result_days: Days = 7
    shutdown_grace_seconds: Count = 25
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    log_format: Literal["text", "json"] = Field(
        default_factory=lambda known: "text" if known["environment"] == "local" else "json"
    )

    @property
    def is_local(self) -> bool:
        return self.environment == "local"

    @property
    def sqlalchemy_url(self) -> str:
        """DATABASE_URL, else PostgreSQL from POSTGRES_*, else SQLite in DATA_DIR."""
        return self.database_url.get_secret_value()

    @property
    def is_embedded_database(self) -> bool:
        return self.sqlalchemy_url.startswith("sqlite")

    @property
    def queue_path(self) -> Path:
        """Where jobs queue when there is no Redis for them."""
        return self.data_dir / "queue.sqlite3"

    @property
    def limiter_storage_uri(self) -> str:
        return self.redis_rate_limit_url or "memory://"

    @property
    def warnings(self) -> list[str]:
        """What works but is worth a second thought outside local, one sentence each."""
        return [] if self.is_local else list(_doubts(self))


class InvalidSettings(Exception):
    """Every problem of the settings, one sentence each; str() gives them a line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(f"- {problem}" for problem in self.problems)


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process; overrides are attributes by name, or _env_file.

    Raises InvalidSettings with every problem there is; no sentence repeats a value.
    """
    wrong: dict[str, str] = {}
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        wrong = _sentences(error)
        # The other values still have to be judged, so defaults stand in for the wrong ones.
        settings = Settings(**{**overrides, **_stand_ins(wrong)})
    except OSError as error:
        problem = f"The .env file cannot be read ({error.strerror}). Make it readable to this user."
        raise InvalidSettings([problem]) from None
    except UnicodeError:
        raise InvalidSettings(["The .env file is not UTF-8 text. Save it as UTF-8."]) from None
    refused = [text for used, text in _refusals(settings) if wrong.keys().isdisjoint(used)]
    if wrong or refused:
        raise InvalidSettings([*wrong.values(), *refused])
    return settings


def _sentences(error: ValidationError) -> dict[str, str]:
    """What is wrong with which field, in words that never repeat the value."""
    found = {}
    for detail in error.errors(include_input=False, include_url=False):
        if detail["type"] == "default_factory_not_called":
            continue  # follows from another problem, and is none itself
        name = str(detail["loc"][0])
        found[name] = f"{name.upper()} {_complaint(name, detail['type'], detail.get('ctx', {}))}."
    return found


def _complaint(name: str, kind: str, context: Known) -> str:
    if isinstance(context.get("error"), ValueError):
        return str(context["error"])
    if kind.startswith(("int_", "bool_")):
        return "must be a whole number" if kind.startswith("int_") else "must be true or false"
    if name.endswith("_email"):
        return "must be an e-mail address such as name@example.org"
    return COMPLAINTS.get(kind, "has a value of the wrong kind; see docs/configuration.md").format(
        **context
    )


def _stand_ins(wrong: dict[str, str]) -> Known:
    defaults: Known = {}
    for name, field in Settings.model_fields.items():
        defaults[name] = field.get_default(call_default_factory=True, validated_data=defaults)
    return {name: defaults[name] for name in wrong}


def _refusals(settings: Settings) -> Iterator[Refusal]:
    key = settings.secret_key.get_secret_value()
    if settings.is_local:
        if not key:
            advice = "Run ./dev run, which writes one to .env, or set it to a long random text."
            yield {"secret_key"}, f"SECRET_KEY is not set. {advice}"
        return
    if weakness := _weakness(key, len(key.encode()), 32):
        advice = "Set it to at least 32 random bytes, as `openssl rand -base64 48` prints them."
        yield {"secret_key"}, f"SECRET_KEY {weakness}. {advice}"
    yield from _weak_admin(settings)
    yield from _open_doors(settings)


def _open_doors(settings: Settings) -> Iterator[Refusal]:
    if settings.debug:
        yield {"debug"}, f"DEBUG must be off in {settings.environment}. Set DEBUG=false."
    if not settings.trusted_hosts:
        advice = "Name the hosts that visitors use, with commas between them."
        yield {"trusted_hosts"}, f"TRUSTED_HOSTS is not set. {advice}"
    if settings.redis_rate_limit_url is None:
        used = {f"redis_rate_limit_{part}" for part in ("host", "port", "url")}
        advice = "Set it, or REDIS_RATE_LIMIT_URL, so that all processes count together."
        yield used, f"REDIS_RATE_LIMIT_HOST is not set. {advice}"


def _weak_admin(settings: Settings) -> Iterator[Refusal]:
    if settings.admin_password is None:
        return
    password = settings.admin_password.get_secret_value()
    advice = "Choose at least 12 characters that nobody can guess, or leave it unset."
    if weakness := _weakness(password, len(password), 12):
        yield {"admin_password"}, f"ADMIN_PASSWORD {weakness}. {advice}"
    if settings.admin_username in password.lower():
        used = {"admin_password", "admin_username"}
        yield used, f"ADMIN_PASSWORD contains ADMIN_USERNAME. {advice}"


def _weakness(secret: str, length: int, least: int) -> str | None:
    if not secret:
        return "is not set"
    if length < least:
        return "is too short"
    if any(word in re.sub(r"[\W_]", "", secret).lower() for word in FAMILIAR):
        return "is built on a well-known word or pattern"
    if len(set(secret)) < least // 4 or secret in (secret * 2)[1:-1]:
        return "repeats itself too much"
    return None


def _doubts(settings: Settings) -> Iterator[str]:
    if settings.is_embedded_database:
        yield (
            "The database is SQLite: it serves one machine only. Set DATABASE_URL or POSTGRES_* "
            "to use PostgreSQL."
        )
    cache, queue = settings.redis_cache_url, settings.redis_queue_url
    if cache and queue and _server(cache) == _server(queue):
        yield (
            "The cache and the queue share one Redis: a full cache can push out waiting jobs. "
            "Give REDIS_QUEUE_HOST a server of its own."
        )


def _server(url: str) -> tuple[str | None, int]:
    parts = urlsplit(url)
    return parts.hostname, parts.port or 6379
