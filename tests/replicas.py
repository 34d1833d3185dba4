"""A streaming replica of a PostgreSQL server of ours, to throw away: for tests."""

import time
from typing import Any

import psycopg

from tests.servers import SECONDS_TO_ANSWER, Postgres


class Replica(Postgres):
    """Follows ``source`` as it goes on; replaying can be held up, as a busy replica would."""

    def __init__(self, source: Postgres) -> None:
        super().__init__(binaries=source.binaries)
        self.source = source
        self.password = source.password
        self.admin_url = self.url()

    def _initialise(self) -> None:
        self._own(self.folder)
        address = plain(self.source.admin_url)
        program = self.binaries / "pg_basebackup"
        options = ["--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
        self._process = self._spawn([program, "-D", "data", "-d", address, *options])
        self._process.wait(SECONDS_TO_ANSWER)
        failed = self._process.returncode != 0
        self.kill()
        if failed:
            raise self._failure("could not be copied")

    def hold(self) -> None:
        """Show what has come until now and nothing later, once ``source``'s last is here."""
        self.catch_up()
        self._ask("SELECT pg_wal_replay_pause()")
        self._wait("SELECT pg_get_wal_replay_pause_state() = 'paused'")

    def go_on(self) -> None:
        self._ask("SELECT pg_wal_replay_resume()")
        self.catch_up()

    def catch_up(self) -> None:
        with psycopg.connect(plain(self.source.admin_url), autocommit=True) as connection:
            far = connection.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone()
        assert far
        self._wait(f"SELECT pg_last_wal_replay_lsn() >= '{far[0]}'::pg_lsn")

    def _wait(self, question: str) -> None:
        deadline = time.monotonic() + SECONDS_TO_ANSWER
        while not self._ask(question):
            assert time.monotonic() < deadline, question
            time.sleep(0.02)

    def _ask(self, statement: Any) -> Any:
        with psycopg.connect(plain(self.admin_url), autocommit=True) as connection:
            row = connection.execute(statement).fetchone()
            return row and row[0]


def plain(address: str) -> str:
    return address.replace("+psycopg", "", 1)
