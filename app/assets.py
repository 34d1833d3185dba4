"""Front-end files under addresses that name their content, so that browsers may keep them.

``asset("app.css")`` is ``/static/app.<hash>.css``: a changed file has another address. Files from
npm are asked for without their version, which is pinned in package.json:
``asset("vendor/htmx.org/htmx.min.js")``.
"""

import gzip
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import AppGroup
from whitenoise import WhiteNoise
from whitenoise.responders import StaticFile

PREFIX = "/static/"
FOR_EVER = "public, max-age=31536000, immutable"
TEXT = {".css", ".js", ".json", ".svg", ".txt"}


class MissingAsset(LookupError):
    """A template asks for a file that is not under static/."""


class MissingFrontEnd(RuntimeError):
    """The files that npm brings are not there."""


@dataclass(frozen=True)
class Asset:
    """One file under static/, as it was when it was read."""

    name: str
    path: Path
    stamp: tuple[int, int]
    digest: str

    @classmethod
    def read(cls, name: str, path: Path) -> "Asset":
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        return cls(name, path, stamp_of(path), digest)

    @property
    def hashed(self) -> str:
        """The name with the hash before the last suffix: ``app.0123456789ab.css``."""
        name = PurePosixPath(self.name)
        return str(name.with_name(f"{name.stem}.{self.digest}{name.suffix}"))


class Assets:
    """The Flask extension: gives templates ``asset()`` and puts the files before the app.

    Reads ``STATIC_FOLDER`` (default: static/ in the app's root path), ``ENVIRONMENT`` and
    ``SECURITY_HEADERS`` from the configuration. Create the app with ``static_folder=None``.
    """

    def init_app(self, app: Flask) -> None:
        """Raise MissingFrontEnd when what package.json pins is not in static/vendor/."""
        if app.has_static_folder:
            raise RuntimeError("Flask would serve static/ as well: pass static_folder=None.")
        root = Path(app.root_path)
        folder = Path(app.config.get("STATIC_FOLDER") or root / "static")
        versions = vendor_versions(root / "package.json", folder / "vendor")
        server = StaticServer(app.wsgi_app, app.config.get("SECURITY_HEADERS", {}))
        shortly = f"public, max-age={app.config.get('CLIENT_CACHE_MAX_AGE', 60)}"
        shelf = Shelf(folder, versions, server, app.config.get("ENVIRONMENT") == "local", shortly)
        app.wsgi_app = server  # type: ignore[method-assign]
        app.extensions["assets"] = shelf
        app.jinja_env.globals["asset"] = shelf.url
        app.cli.add_command(commands)


class Shelf:
    """The files of one app and their addresses."""

    def __init__(
        self,
        folder: Path,
        versions: dict[str, str],
        server: "StaticServer",
        live: bool,
        shortly: str,
    ) -> None:
        self._folder = folder
        self._versions = versions
        self._server = server
        self._live = live
        self._shortly = shortly
        self._assets: dict[str, Asset] = {}
        for path in published(folder):
            self._publish(path.relative_to(folder).as_posix())

    def url(self, name: str) -> str:
        """The address of a file by its name under static/. Raise MissingAsset for another name."""
        name = self._with_version(name)
        if self._live:
            self._look_again(name)
        if name not in self._assets:
            raise MissingAsset(f"There is no file {name} in {self._folder.name}/.")
        return PREFIX + self._assets[name].hashed

    def build(self) -> int:
        """Write hashed and compressed copies into build/, remove the others, count the files."""
        wanted = set()
        for asset in self._assets.values():
            wanted |= set(write_copies(asset, self._folder / "build" / asset.hashed))
        for path in files_in(self._folder / "build"):
            if path not in wanted:
                path.unlink()
        return len(self._assets)

    def _with_version(self, name: str) -> str:
        first, package, *rest = *name.split("/", 2), "", ""
        if first != "vendor" or package not in self._versions:
            return name
        return f"vendor/{package}@{self._versions[package]}/{rest[0]}"

    def _look_again(self, name: str) -> None:
        """Notice what a developer changed since; only where the app runs locally."""
        known, path = self._assets.get(name), self._folder / name
        if known and path.is_file() and known.stamp == stamp_of(path):
            return
        if known:
            self._server.forget(PREFIX + self._assets.pop(name).hashed)
        if path in published(self._folder):
            self._publish(name)

    def _publish(self, name: str) -> None:
        asset = self._assets[name] = Asset.read(name, self._folder / name)
        built = self._folder / "build" / asset.hashed
        path = built if built.is_file() else asset.path
        self._server.publish(PREFIX + asset.hashed, path, FOR_EVER)
        self._server.publish(PREFIX + asset.name, path, self._shortly)


class StaticServer(WhiteNoise):
    """Answers the addresses that were published and leaves all others to the application."""

    def __init__(self, application: Any, headers: dict[str, str]) -> None:
        super().__init__(application, allow_all_origins=False, add_headers_function=self._secure)
        self._security_headers = headers
        self._keep: dict[str, str] = {}

    def publish(self, url: str, path: Path, cache_control: str) -> None:
        self._keep[url] = cache_control
        self.add_file_to_dictionary(url, str(path))

    def forget(self, url: str) -> None:
        self.files.pop(url, None)

    def add_cache_headers(self, headers: Any, path: str, url: str) -> None:
        headers["Cache-Control"] = self._keep[url]

    def serve(self, static_file: StaticFile, environ: Any, start_response: Any) -> Iterable[bytes]:
        """A copy that a later build has removed is for the application to answer: 404."""
        try:
            answer: Iterable[bytes] = super().serve(static_file, environ, start_response)
        except FileNotFoundError:
            return self.application(environ, start_response)
        return answer

    def _secure(self, headers: Any, _path: str, _url: str) -> None:
        for name, value in self._security_headers.items():
            headers[name] = value


def vendor_versions(package: Path, vendor: Path) -> dict[str, str]:
    """What package.json pins, by name. Raise MissingFrontEnd unless all of it is in ``vendor``."""
    try:
        versions: dict[str, str] = json.loads(package.read_text())["dependencies"]
    except FileNotFoundError:
        raise MissingFrontEnd(f"{package.name} is missing, and with it what to serve.") from None
    if not all((vendor / f"{name}@{version}").is_dir() for name, version in versions.items()):
        raise MissingFrontEnd("Front-end files are missing. Run: python scripts/frontend.py")
    return versions


def published(folder: Path) -> list[Path]:
    """The files that may be served: nothing hidden, nothing from outside, not the built copies."""
    inside = (path.relative_to(folder).parts for path in files_in(folder))
    return [
        folder.joinpath(*parts)
        for parts in inside
        if parts[0] != "build" and not any(part.startswith(".") for part in parts)
    ]


def files_in(folder: Path) -> Iterator[Path]:
    """Regular files below ``folder``; links are not followed."""
    for place, _folders, names in os.walk(folder):
        for path in (Path(place, name) for name in names):
            if not path.is_symlink():
                yield path


def stamp_of(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def write_copies(asset: Asset, target: Path) -> Iterator[Path]:
    content = asset.path.read_bytes()
    yield write_whole(target, content)
    if target.suffix in TEXT:
        yield write_whole(Path(f"{target}.gz"), gzip.compress(content, 9, mtime=0))


def write_whole(path: Path, content: bytes) -> Path:
    """Write a file that is never seen half-written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    return part.replace(path)


commands = AppGroup("assets", help="Front-end files.")


@commands.command("build")
def build() -> None:
    """Write hashed and compressed copies into static/build/."""
    count = current_app.extensions["assets"].build()
    click.echo(f"{count} files are ready in static/build.")
