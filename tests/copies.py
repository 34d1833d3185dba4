"""A copy of the project to try its commands in, so that no test touches the real folder."""

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
FOLDERS = ("app", "migrations", "scripts", "static", "templates", ".ci")
FILES = (
    *("dev", "wsgi.py", ".npmrc", "package.json", "package-lock.json"),
    *("requirements.txt", "requirements-dev.txt", "requirements-node.txt"),
)
TOOLS = ("sh", "bash", "cat", "cut", "dirname", "grep", "id", "rm", "sha256sum", "shasum")


class Copy:
    """The project in another folder, whose name has spaces in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "a copy of it"
        self.tools = folder / "tools"
        for name in FOLDERS:
            shutil.copytree(PROJECT / name, self.folder / name)
        for name in FILES:
            shutil.copy2(PROJECT / name, self.folder / name)
        self.tools.mkdir()
        for name in TOOLS:
            self.offer(name, shutil.which(name))

    def offer(self, name: str, program: str | None) -> None:
        """Put a program on PATH, where otherwise only the plainest tools are."""
        if program:
            (self.tools / name).symlink_to(program)

    def write(self, path: str | Path, text: str) -> None:
        """Write an executable file of the copy."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(**variables),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def dev(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return self.run("./dev", *arguments, **variables)

    def environment(self, **variables: str) -> dict[str, str]:
        home = {"HOME": str(self.folder.parent), "PATH": str(self.tools)}
        return {**home, "PYTHON": sys.executable, **variables}

    def make_venv(self) -> Path:
        """A .venv that borrows the packages of the one these tests run in."""
        venv = self.folder / ".venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
        packages = sysconfig.get_path("purelib", vars={"base": str(venv)})
        Path(packages, "borrowed.pth").write_text(sysconfig.get_path("purelib") + os.linesep)
        return venv

    def finish_set_up(self) -> None:
        """Leave what a set-up leaves behind, without its work."""
        venv = self.make_venv()
        for name in ("requirements.txt", "requirements-dev.txt"):
            (venv / f"{name}.sha256").write_text(digest(self.folder / name))
        front_end = [self.folder / name for name in ("package-lock.json", "scripts/frontend.py")]
        self.write("node_modules/.lock.sha256", digest(*front_end))
        (self.folder / "static" / "vendor").mkdir(exist_ok=True)


def digest(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
