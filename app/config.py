"""Settings, read once from the environment or a .env file; what is wrong is told all at once."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, EmailStr, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from app import safety
from app.values import (
    PROJECT_ROOT,
    Count,
    DatabaseURL,
    Days,
    Folder,
    HostName,
    Hosts,
    Hours,
    Known,
    Origins,
    Port,
    RedisURL,
    WebOrigin,
    between,
    database_from_parts,
    local_hosts,
    redis_from_parts,
    smtp_port,
    web_workers,
)

__all__ = ["PROJECT_ROOT", "InvalidSettings", "Settings", "load_settings"]

COMPLAINTS = {
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "literal_error": "must be {expected}",
    "string_too_short": "must have {min_length} or more characters",
    "string_too_long": "must have {max_length} or fewer characters",
    "string_pattern_mismatch": "must be 2 to 20 small letters a to z and digits",
}


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
        default_factory=lambda known: local_hosts(known) if known["environment"] == "local" else []
    )
    cors_origins: Origins = []
    trusted_proxy_hops: Annotated[int, Field(ge=0, le=100)] = 0
    max_request_bytes: Count = 1_048_576
    client_cache_max_age: Annotated[int, Field(ge=0, le=31_536_000)] = 60

    postgres_user: str | None = None
    postgres_password: SecretStr | None = None
    postgres_server: HostName | None = None
    postgres_port: Port = 5432
    postgres_db: str | None = None
    database_url: DatabaseURL = Field(default_factory=database_from_parts)
    database_replica_url: DatabaseURL | None = None
    database_prepared_statements: bool = True
    pgadmin_default_email: str | None = None
    pgadmin_default_password: SecretStr | None = None
    pgadmin_listen_port: Port = 80

    redis_cache_host: HostName | None = None
    redis_cache_port: Port | None = None
    redis_cache_url: RedisURL | None = Field(default_factory=redis_from_parts("cache"), repr=False)
    redis_queue_host: HostName | None = None
    redis_queue_port: Port | None = None
    redis_queue_url: RedisURL | None = Field(default_factory=redis_from_parts("queue"), repr=False)
    redis_rate_limit_host: HostName | None = None
    redis_rate_limit_port: Port | None = None
    redis_rate_limit_url: RedisURL | None = Field(
        default_factory=redis_from_parts("rate_limit"), repr=False
    )

    algorithm: Literal["HS256", "HS384", "HS512"] = "HS256"
    access_token_expire_minutes: Count = 30
    refresh_token_expire_days: Days = 7
    session_idle_hours: Hours = 24
    session_remember_days: Days = 7
    session_absolute_days: Days = 30

    sign_up: Literal["open", "closed"] = "open"
    public_url: WebOrigin | None = None
    smtp_host: HostName | None = None
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_port: Port = Field(default_factory=smtp_port)
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    mail_from: EmailStr | None = Field(default_factory=lambda known: known["contact_email"])

    admin_name: Annotated[str, between(2, 30)] = "Admin"
    admin_email: EmailStr = "admin@example.com"
    admin_username: Annotated[str, Field(pattern="^[a-z0-9]{2,20}$")] = "admin"
    admin_password: SecretStr | None = None
    test_name: str | None = None
    test_email: str | None = None
    test_username: str | None = None
    test_password: SecretStr | None = None

    tier_name: Annotated[str, between(1, 64)] = "free"
    default_rate_limit_limit: Count = 10
    default_rate_limit_period: Count = 3600

    web_workers: Count = Field(default_factory=web_workers)
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
    def keeps_mail(self) -> bool:
        """Whether mails are kept for the developer to read instead of being sent."""
        return self.is_local and self.smtp_host is None

    @property
    def has_mail(self) -> bool:
        """Whether mails reach anybody. Without them nobody can sign up or reset a password."""
        return self.smtp_host is not None or self.is_local

    @property
    def warnings(self) -> list[str]:
        """What works but is worth a second thought outside local, one sentence each."""
        return [] if self.is_local else list(safety.doubts(self))


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
    refused = [text for used, text in safety.refusals(settings) if wrong.keys().isdisjoint(used)]
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
