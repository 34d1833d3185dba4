"""Whether the parts that the application stands on answer now."""

from dataclasses import dataclass
from typing import Any

import redis
from flask import current_app
from sqlalchemy import text

from app import replica
from app.config import Settings
from app.database import now
from app.extensions import counters, db
from app.jobs.workers import Worker
from app.redis_servers import client_of


@dataclass(frozen=True)
class Check:
    """One part: does it answer, and what follows if it does not."""

    name: str
    is_ok: bool
    detail: str
    is_vital: bool = False


def checks() -> list[Check]:
    """Every part. Only a vital one (the database) makes the application unready."""
    database = check_database()
    return [database, *check_replica(), *check_redis(), check_worker(database.is_ok)]


def status(every: list[Check]) -> str:
    """ "ready"; "degraded" when a part is away that can be missed; "unavailable"."""
    if any(check.is_vital and not check.is_ok for check in every):
        return "unavailable"
    return "ready" if all(check.is_ok for check in every) else "degraded"


def check_database() -> Check:
    try:
        with db.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except Exception:
        return Check("database", False, "The database does not answer.", is_vital=True)
    return Check("database", True, db.engine.dialect.name, is_vital=True)


def check_replica() -> list[Check]:
    if not replica.is_set():
        return []
    answers = replica.answers()
    cost = "Lists are read from the database itself."
    return [Check("replica", answers, "lists are read there" if answers else cost)]


def check_redis() -> list[Check]:
    settings: Settings = current_app.config["SETTINGS"]
    limits = counters.check()
    found = [
        Check("limits", limits, "counted together" if limits else "Each process counts for itself.")
    ]
    for name, url, cost in (
        ("cache", settings.redis_cache_url, "Pages work without their cache."),
        ("queue", settings.redis_queue_url, "Tasks are accepted and run later."),
    ):
        if url is None:
            found.append(Check(name, True, "embedded"))
        else:
            answers = redis_answers(url)
            found.append(Check(name, answers, "redis" if answers else cost))
    return found


def redis_answers(url: str) -> bool:
    try:
        with client_of(url, socket_connect_timeout=1, socket_timeout=1) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def check_worker(database_answers: bool) -> Check:
    workers = online() if database_answers else []
    if workers:
        return Check("worker", True, f"{len(workers)} online")
    return Check("worker", False, "No worker is running. Start one: ./dev flask worker")


def online() -> list[Any]:
    try:
        return list(db.session.scalars(Worker.online()))
    except Exception:
        return []


def seconds_since(worker: Worker) -> int:
    return int((now() - worker.seen_at).total_seconds())
