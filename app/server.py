"""The web server: how granian is told to serve us, in one place. Start it: python -m app.server

On SIGTERM it refuses new connections, finishes what it has accepted and exits; what is not done
within SHUTDOWN_GRACE_SECONDS is cut off. No --backpressure: a limit there leaves connections in
the backlog, and those are reset when the server stops.
"""

import os
import sys

import structlog

from app import logs
from app.config import PROJECT_ROOT, InvalidSettings, Settings, load_settings

LONGEST_GRACE = 1800  # granian takes no more


def command(settings: Settings) -> list[str]:
    """Granian's arguments, in WSGI mode; the application logs requests, so granian does not."""
    patience = min(settings.shutdown_grace_seconds, LONGEST_GRACE)
    return [
        *("--interface", "wsgi", "--http", "1", "--no-ws"),
        *("--host", settings.host, "--port", str(settings.port)),
        *("--workers", str(settings.web_workers)),
        *("--blocking-threads", str(settings.web_threads)),
        *("--workers-kill-timeout", str(patience), "--respawn-failed-workers"),
        *("--no-access-log", "--log-level", "warning"),
        *("--working-dir", str(PROJECT_ROOT), "wsgi:app"),
    ]


def main() -> None:
    """Become the web server; unusable settings end it with status 1 and every problem."""
    try:
        settings = load_settings()
    except InvalidSettings as problems:
        sys.exit(f"The settings are not usable:\n{problems}")
    logs.configure(settings)
    for doubt in settings.warnings:
        structlog.get_logger().warning("settings.doubtful", doubt=doubt)
    granian = [sys.executable, "-m", "granian", *command(settings)]
    os.execv(granian[0], granian)  # noqa: S606 - the same process, so that signals reach granian


if __name__ == "__main__":
    main()
