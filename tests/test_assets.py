"""Front-end files: their addresses, how long they may be kept, and what is never served."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask, render_template_string

from app.assets import Assets, MissingAsset, MissingFrontEnd

ROOT = Path(__file__).resolve().parent.parent
STYLE = "body { color: black }\n" * 200


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with two files of its own and one from npm."""
    (tmp_path / "package.json").write_text(json.dumps({"dependencies": {"htmx.org": "4.0.1"}}))
    vendor = tmp_path / "static" / "vendor" / "htmx.org@4.0.1"
    vendor.mkdir(parents=True)
    (vendor / "htmx.min.js").write_text("var htmx")
    (tmp_path / "static" / "app.css").write_text(STYLE)
    (tmp_path / "static" / "chevron.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    return tmp_path


def application(project: Path, **config: object) -> Flask:
    app = Flask("app", root_path=str(project), static_folder=None)
    app.config.update({"ENVIRONMENT": "production", **config})
    Assets().init_app(app)
    return app


def address(app: Flask, name: str) -> str:
    with app.app_context():
        return render_template_string("{{ asset(name) }}", name=name)


def built(project: Path) -> Iterator[Path]:
    return (path for path in (project / "static" / "build").rglob("*") if path.is_file())


def test_address_has_the_hash_before_the_last_suffix(project: Path) -> None:
    app = application(project)

    assert re.fullmatch(r"/static/app\.[0-9a-f]{12}\.css", address(app, "app.css"))


def test_npm_file_is_asked_for_without_its_version(project: Path) -> None:
    app = application(project)

    where = address(app, "vendor/htmx.org/htmx.min.js")

    assert re.fullmatch(r"/static/vendor/htmx\.org@4\.0\.1/htmx\.min\.[0-9a-f]{12}\.js", where)
    assert app.test_client().get(where).text == "var htmx"


def test_hashed_address_may_be_kept_for_ever_and_the_plain_one_shortly(project: Path) -> None:
    app = application(project)
    client = app.test_client()

    hashed, plain = client.get(address(app, "app.css")), client.get("/static/app.css")

    assert hashed.text == plain.text == STYLE
    assert hashed.mimetype == "text/css"
    assert hashed.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert plain.cache_control.max_age == 60
    assert not plain.cache_control.immutable


def test_changed_content_has_another_address(project: Path) -> None:
    before = address(application(project), "app.css")
    (project / "static" / "app.css").write_text("body { color: red }")

    assert address(application(project), "app.css") != before


def test_unknown_name_is_named_in_the_error(project: Path) -> None:
    with pytest.raises(MissingAsset, match=r"There is no file missing\.css in static/\."):
        address(application(project), "missing.css")


def test_missing_npm_file_stops_the_start_and_says_what_to_run(project: Path) -> None:
    vendor = project / "static" / "vendor" / "htmx.org@4.0.1"
    vendor.rename(vendor.with_name("htmx.org@4.0.0"))

    with pytest.raises(MissingFrontEnd, match=r"Run: python scripts/frontend\.py"):
        application(project)


def test_flask_may_not_serve_the_folder_a_second_time(project: Path) -> None:
    app = Flask("app", root_path=str(project), static_folder="../static")

    with pytest.raises(RuntimeError, match="static_folder=None"):
        Assets().init_app(app)


@pytest.mark.parametrize(
    "path",
    [
        "/static/.env",
        "/static/.git/config",
        "/static/secret.txt",
        "/static/build/old.css",
        "/static/../package.json",
        "/static/%2e%2e/package.json",
        "/static/vendor/../../package.json",
        "//static/app.css",
        "/static/",
    ],
)
def test_nothing_hidden_linked_built_or_outside_is_served(project: Path, path: str) -> None:
    static = project / "static"
    for name in (".env", ".git/config", "build/old.css"):
        (static / name).parent.mkdir(exist_ok=True)
        (static / name).write_text("secret")
    (static / "secret.txt").symlink_to(project / "package.json")

    assert application(project).test_client().get(path).status_code == 404


def test_security_headers_are_on_static_files(project: Path) -> None:
    app = application(project, SECURITY_HEADERS={"X-Content-Type-Options": "nosniff"})

    answer = app.test_client().get(address(app, "app.css"))

    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_built_copy_is_sent_compressed_to_who_accepts_it(project: Path) -> None:
    build(project)
    app = application(project)
    client = app.test_client()

    packed = client.get(address(app, "app.css"), headers={"Accept-Encoding": "br, gzip"})
    plain = client.get(address(app, "app.css"), headers={"Accept-Encoding": "identity"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data).decode() == plain.text == STYLE
    assert "Content-Encoding" not in plain.headers
    assert packed.vary == plain.vary == {"Accept-Encoding"}


def test_unchanged_file_is_not_sent_again(project: Path) -> None:
    app = application(project)
    client = app.test_client()
    first = client.get(address(app, "app.css"))

    again = client.get(address(app, "app.css"), headers={"If-None-Match": first.headers["ETag"]})

    assert again.status_code == 304
    assert again.data == b""


def test_build_older_than_the_source_is_not_used(project: Path) -> None:
    build(project)
    (project / "static" / "app.css").write_text("body { color: red }")
    app = application(project)

    answer = app.test_client().get(address(app, "app.css"), headers={"Accept-Encoding": "gzip"})

    assert answer.text == "body { color: red }"


def test_build_removes_what_it_replaces(project: Path) -> None:
    build(project)
    before = {path.name for path in built(project)}
    (project / "static" / "app.css").write_text("body { color: red }")

    build(project)

    after = {path.name for path in built(project)}
    assert len(after) == len(before) == 6
    assert {name for name in after - before} == {name for name in after if name.startswith("app.")}


def test_copy_that_a_later_build_removed_is_not_a_crash(project: Path) -> None:
    build(project)
    app = application(project)
    for path in built(project):
        path.unlink()

    assert app.test_client().get(address(app, "app.css")).status_code == 404


def test_developer_sees_a_change_at_once(project: Path) -> None:
    app = application(project, ENVIRONMENT="local")
    before = address(app, "app.css")
    (project / "static" / "app.css").write_text("body { color: red }")

    after = address(app, "app.css")

    assert after != before
    assert app.test_client().get(after).text == "body { color: red }"
    assert app.test_client().get(before).status_code == 404


def test_developer_may_add_a_file_but_not_reach_outside(project: Path) -> None:
    app = application(project, ENVIRONMENT="local")
    (project / "static" / "new.svg").write_text("<svg/>")

    assert app.test_client().get(address(app, "new.svg")).text == "<svg/>"
    with pytest.raises(MissingAsset):
        address(app, "../package.json")


def test_elsewhere_a_changed_file_keeps_its_address(project: Path) -> None:
    app = application(project, ENVIRONMENT="production")
    before = address(app, "app.css")
    (project / "static" / "app.css").write_text("body { color: red }")

    assert address(app, "app.css") == before


def test_stylesheet_refers_only_to_files_that_are_there() -> None:
    style = (ROOT / "static" / "app.css").read_text()

    names = re.findall(r"url\([\"']?([^\"')]+)", style)

    assert names
    assert [name for name in names if not (ROOT / "static" / name).is_file()] == []


def test_every_icon_a_template_names_is_drawn() -> None:
    sprite = (ROOT / "static" / "icons.svg").read_text()
    templates = (path.read_text() for path in (ROOT / "templates").rglob("*.html"))

    used = set(re.findall(r"\bicon\([\"']([a-z-]+)[\"']\)", "".join(templates)))

    assert used
    assert used - set(re.findall(r'<symbol id="([a-z-]+)"', sprite)) == set()


def build(project: Path) -> None:
    result = application(project).test_cli_runner().invoke(args=["assets", "build"])
    assert result.output == "3 files are ready in static/build.\n", result.output
