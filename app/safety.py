"""What must not be so outside a developer's machine: checked before anything starts."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.redis_servers import servers_of

if TYPE_CHECKING:
    from app.config import Settings

# Found in published examples and in the first guesses of anybody; spelled without punctuation.
FAMILIAR = (
    *("password", "ch4ng3th1s", "changeme", "changethis", "secretkey", "yoursecret", "insecure"),
    *("example", "placeholder", "letmein", "qwerty", "12345678", "abcdefgh"),
    *("09d25e094faa6ca2556c", "192b9bdd22ab9ed4d12e"),
)
Refusal = tuple[set[str], str]  # the attributes it was judged by, and the sentence


def refusals(settings: "Settings") -> Iterator[Refusal]:
    yield from _lone_replica(settings)
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


def _lone_replica(settings: "Settings") -> Iterator[Refusal]:
    copy = settings.database_replica_url
    if copy is None:
        return
    used = {"database_replica_url"}
    if settings.is_embedded_database or copy.get_secret_value().startswith("sqlite"):
        advice = "Set both to PostgreSQL, or leave the replica unset."
        yield {*used, "database_url"}, f"DATABASE_REPLICA_URL is for PostgreSQL alone. {advice}"
    if settings.redis_cache_url is None:
        advice = "Set REDIS_CACHE_URL, so that people see what they changed themselves."
        yield {*used, "redis_cache_url"}, f"DATABASE_REPLICA_URL needs a shared cache. {advice}"


def _open_doors(settings: "Settings") -> Iterator[Refusal]:
    if settings.debug:
        yield {"debug"}, f"DEBUG must be off in {settings.environment}. Set DEBUG=false."
    if not settings.trusted_hosts:
        advice = "Name the hosts that visitors use, with commas between them."
        yield {"trusted_hosts"}, f"TRUSTED_HOSTS is not set. {advice}"
    if (settings.public_url or "").startswith("http:"):
        yield {"public_url"}, "PUBLIC_URL must begin with https://: mailed links let people in."
    if settings.smtp_host and settings.mail_from is None:
        advice = "Set it, or CONTACT_EMAIL, to the address that mails come from."
        yield {"mail_from", "contact_email", "smtp_host"}, f"MAIL_FROM is not set. {advice}"
    if settings.redis_rate_limit_url is None:
        used = {f"redis_rate_limit_{part}" for part in ("host", "port", "url")}
        advice = "Set it, or REDIS_RATE_LIMIT_URL, so that all processes count together."
        yield used, f"REDIS_RATE_LIMIT_HOST is not set. {advice}"


def _weak_admin(settings: "Settings") -> Iterator[Refusal]:
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


def doubts(settings: "Settings") -> Iterator[str]:
    if settings.is_embedded_database:
        yield (
            "The database is SQLite: it serves one machine only. Set DATABASE_URL or POSTGRES_* "
            "to use PostgreSQL."
        )
    if not settings.has_mail:
        yield (
            "SMTP_HOST is not set: no mails are sent, so nobody can sign up, confirm an address or "
            "reset a password."
        )
    elif settings.public_url is None:
        yield (
            "PUBLIC_URL is not set: links in mails lead to the host and port that whoever asked "
            "for them named, as far as TRUSTED_HOSTS allows it."
        )
    cache, queue = settings.redis_cache_url, settings.redis_queue_url
    if cache and queue and servers_of(cache) == servers_of(queue):
        yield (
            "The cache and the queue share one Redis: a full cache can push out waiting jobs. "
            "Give REDIS_QUEUE_HOST a server of its own."
        )
