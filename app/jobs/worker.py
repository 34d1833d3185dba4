"""The consumer process: runs jobs, renews their leases, says that it is alive, sweeps."""

import os
import socket
import threading
import uuid
from datetime import timedelta

import structlog
from flask import Flask, current_app
from sqlalchemy import delete, update

from app.config import Settings
from app.database import now
from app.extensions import db, queue
from app.jobs import engine
from app.jobs.models import Job, Worker

log = structlog.get_logger()

BEAT_SECONDS = 5
FORGET_AFTER = timedelta(hours=1)


def work_until_told(app: Flask) -> None:
    """Consume the queue until SIGTERM or SIGINT, then finish or hand back what is running."""
    settings: Settings = app.config["SETTINGS"]
    identifier = uuid.uuid4().hex
    app.config["WORKER_ID"] = identifier
    enlist(identifier, settings.worker_threads)
    stopped = threading.Event()
    heart = threading.Thread(target=beat, args=(app, identifier, stopped), daemon=True)
    heart.start()
    consumer = queue.huey.create_consumer(
        workers=settings.worker_threads,
        periodic=False,
        max_delay=0.5 if settings.redis_queue_url is None else 2,
        graceful_signal="TERM",
        shutdown_timeout=settings.shutdown_grace_seconds,
        check_worker_health=True,
    )
    try:
        consumer.run()
    finally:
        stopped.set()
        hand_back(identifier)


def enlist(identifier: str, threads: int) -> None:
    host, pid = socket.gethostname()[:100], os.getpid()
    db.session.execute(delete(Worker).where(Worker.seen_at < now() - FORGET_AFTER))
    db.session.add(Worker(id=identifier, host=host, pid=pid, threads=threads))
    db.session.commit()
    log.info("worker.started", worker=identifier, threads=threads)


def beat(app: Flask, identifier: str, stopped: threading.Event) -> None:
    """Every few seconds: I am here, my jobs are mine, and what was left behind is sent again."""
    while True:
        with app.app_context():
            try:
                renew(identifier)
                engine.sweep()
            except Exception as error:
                log.warning("worker.heartbeat_missed", error=type(error).__name__)
        if stopped.wait(BEAT_SECONDS):
            return


def renew(identifier: str) -> None:
    settings: Settings = current_app.config["SETTINGS"]
    lease = now() + timedelta(seconds=settings.job_lease_seconds)
    mine = (Job.worker == identifier, Job.status == "running")
    db.session.execute(update(Worker).where(Worker.id == identifier).values(seen_at=now()))
    db.session.execute(update(Job).where(*mine).values(lease_until=lease))
    db.session.commit()


def hand_back(identifier: str) -> None:
    """Let somebody else take what this worker could not finish in time."""
    mine = (Job.worker == identifier, Job.status == "running")
    values = {"status": "queued", "sent_at": None, "lease_until": None}
    db.session.execute(update(Job).where(*mine).values(**values))
    db.session.execute(delete(Worker).where(Worker.id == identifier))
    db.session.commit()
    log.info("worker.stopped", worker=identifier)
