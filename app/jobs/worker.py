"""The consumer process: runs jobs, renews their leases, says that it is alive, sweeps."""

import logging
import os
import signal
import socket
import sys
import threading
import uuid
from collections.abc import Callable
from datetime import timedelta

import structlog
from flask import Flask, current_app
from huey.consumer import Consumer
from redis import RedisError
from sqlalchemy import delete, update

from app.config import Settings
from app.database import now
from app.extensions import db, queue
from app.jobs.holding import HELD
from app.jobs.models import Job
from app.jobs.moves import held, waiting_again
from app.jobs.sweep import move, sweep
from app.jobs.workers import Worker

log = structlog.get_logger()

LONGEST_BEAT_SECONDS = 5.0
FORGET_AFTER = timedelta(hours=1)


def work_until_told(app: Flask) -> None:
    """Consume the queue until SIGTERM or SIGINT, then finish or hand back what is running.

    SIGTERM gives what is running the grace time, SIGINT gives it none. The worker also starts
    and stays without database or queue, and begins once they are there.
    """
    settings: Settings = app.config["SETTINGS"]
    identifier = app.config["WORKER_ID"] = uuid.uuid4().hex
    stopped = threading.Event()
    # Two threads: however long a sweep takes, what runs here stays ours.
    heart = again_and_again(app, stopped, lambda: renew(identifier))
    broom = again_and_again(app, stopped, sweep)
    logging.getLogger("huey.consumer.Worker").addFilter(in_one_line)
    # The consumer listens to signals only once it runs; until then SIGTERM ends us just as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        heart.start()
        broom.start()
        log.info("worker.started", worker=identifier, threads=settings.worker_threads)
        consumer_of(settings).run()
    finally:
        stopped.set()
        for thread in (heart, broom):
            if thread.is_alive():
                thread.join(LONGEST_BEAT_SECONDS / 2)
        leave(identifier)


def consumer_of(settings: Settings) -> Consumer:
    return queue.huey.create_consumer(
        workers=settings.worker_threads,
        periodic=False,
        scheduler_interval=60,  # nothing is ever scheduled in the queue
        **pace(settings),
        graceful_signal="TERM",
        shutdown_timeout=settings.shutdown_grace_seconds,
        check_worker_health=True,
    )


def pace(settings: Settings) -> dict[str, float]:
    """Seconds between looks at the queue: a file is asked often, a Redis only after a failure."""
    if settings.redis_queue_url is None:
        return {"initial_delay": 0.1, "max_delay": 0.5}
    return {"initial_delay": 1, "max_delay": 3}


def in_one_line(record: logging.LogRecord) -> bool:
    """Keep the log readable while the queue is away: its trace says nothing new each second."""
    error = record.exc_info and record.exc_info[1]
    if isinstance(error, RedisError):
        record.msg, record.exc_info = f"{record.msg}: {type(error).__name__}", None
    return True


def beat_seconds(lease_seconds: int) -> float:
    """How often a worker must be heard of: three times within a lease."""
    return min(LONGEST_BEAT_SECONDS, lease_seconds / 3)


def again_and_again(
    app: Flask, stopped: threading.Event, duty: Callable[[], None]
) -> threading.Thread:
    """A thread that does it at each beat, whether it worked the last time or not."""
    return threading.Thread(target=beat, args=(app, stopped, duty), daemon=True)


def beat(app: Flask, stopped: threading.Event, duty: Callable[[], None]) -> None:
    pause = beat_seconds(app.config["SETTINGS"].job_lease_seconds)
    while not stopped.is_set():
        with app.app_context():
            try:
                duty()
            except Exception as error:
                log.warning("worker.heartbeat_missed", error=type(error).__name__)
        stopped.wait(pause)


def renew(identifier: str) -> None:
    """Say that this worker is here and that what it works on is still its own; commits."""
    settings: Settings = current_app.config["SETTINGS"]
    lease = now() + timedelta(seconds=settings.job_lease_seconds)
    for job, attempt in tuple(HELD):
        db.session.execute(held(job, attempt).values(lease_until=lease))
    seen = update(Worker).where(Worker.id == identifier).values(seen_at=now())
    if not db.session.execute(seen).rowcount:  # type: ignore[attr-defined]
        enlist(identifier, settings.worker_threads)
    db.session.commit()


def enlist(identifier: str, threads: int) -> None:
    host, pid = socket.gethostname()[:100], os.getpid()
    db.session.execute(delete(Worker).where(Worker.seen_at < now() - FORGET_AFTER))
    db.session.add(Worker(id=identifier, host=host, pid=pid, threads=threads))


def leave(identifier: str) -> None:
    """Say goodbye, and let somebody else take what was not finished; leases do it otherwise."""
    try:
        hand_back(identifier)
    except Exception as error:
        log.warning("worker.left_without_goodbye", error=type(error).__name__)
    log.info("worker.stopped", worker=identifier)


def hand_back(identifier: str) -> None:
    """Let what this worker did not finish in time wait again, its try not counted; commits."""
    mine = (Job.worker == identifier, Job.status == "running")
    values = {**waiting_again(), "attempts": Job.attempts + 1}
    move(mine, values, "The worker stopped before the task was done")
    db.session.execute(delete(Worker).where(Worker.id == identifier))
    db.session.commit()
