"""The rules of the house that a machine can hold: who imports whom, what templates may do."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest
from flask import Flask
from jinja2 import Environment, meta, nodes

from app import create_app
from app.config import PROJECT_ROOT, load_settings

APP, TEMPLATES, TESTS = (PROJECT_ROOT / name for name in ("app", "templates", "tests"))
FEATURES = sorted(pages.parent.name for pages in APP.glob("*/pages.py"))
PAGES = sorted(path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.html"))
FRAGMENTS = [name for name in PAGES if name.rpartition("/")[2].startswith("_")]
MODULES = sorted((*APP.rglob("*.py"), PROJECT_ROOT / "wsgi.py"))
TEXT = {
    *(".py", ".html", ".js", ".css", ".md", ".toml", ".in", ".txt", ".json", ".yml", ".yaml"),
    *(".sh", ".cfg", ".ini", ".mako", ".example", ".svg", ".tf", ""),
}
# Put together here, so that this file does not name them either.
REGISTRIES = [f"{name}.{end}" for name, end in (("pypi", "org"), ("npmjs", "com"))]
REGISTRIES += ["pythonhosted" + ".org", "npmjs" + ".org", "debian" + ".org"]

# Imports


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [program, "--no-cache"], cwd=folder, capture_output=True, text=True, timeout=120
    )


def test_imports_go_down() -> None:
    checked = lint_imports(PROJECT_ROOT)

    assert checked.returncode == 0, checked.stdout


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the house, to break rules in."""
    folder = tmp_path_factory.mktemp("house")
    shutil.copytree(APP, folder / "app", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT_ROOT / ".importlinter", folder)
    return folder


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("tiers/models.py", "import app.users.models", "app.tiers is not allowed to import"),
        ("htmx.py", "import app.users.models", "app.htmx is not allowed to import"),
        ("auth/sessions.py", "import app.jobs.models", "app.auth is not allowed to import"),
        ("users/models.py", "import app.users.pages", "app.users.models is not allowed"),
        ("users/links.py", "import app.tiers.forms", "Nobody enters tiers by its doors BROKEN"),
        ("home/pages.py", "import app.jobs.engine", "Nobody enters jobs by its doors"),
        ("tiers/models.py", "import flask", "Models know no HTTP BROKEN"),
        ("helpers.py", "", "app.helpers"),
    ],
)
def test_a_wrong_import_is_found(scratch: Path, module: str, line: str, broken: str) -> None:
    path = scratch / "app" / module
    before = path.read_text() if path.exists() else None
    path.write_text(f"{before or ''}\n{line}\n")
    try:
        checked = lint_imports(scratch)
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before)

    assert checked.returncode == 1
    assert broken in re.sub(r"\s+", " ", checked.stdout)


def test_only_the_outside_knows_the_roof() -> None:
    graph = grimp.build_graph("app")

    assert graph.find_modules_that_directly_import("app") == set()


# Python


@pytest.mark.parametrize(
    "path", MODULES, ids=lambda path: path.relative_to(PROJECT_ROOT).as_posix()
)
def test_a_module_is_short_and_says_what_it_is(path: Path) -> None:
    lines = path.read_text().splitlines()

    assert len(lines) <= 250, f"{len(lines)} lines: split it"
    assert path.name == "__init__.py" or lines[0].startswith('"""'), "It has no docstring"


@pytest.mark.parametrize("feature", FEATURES)
def test_a_feature_with_pages_has_templates_and_tests_of_its_name(feature: str) -> None:
    draws = any("render" in path.read_text() for path in (APP / feature).glob("*pages.py"))

    assert not draws or list((TEMPLATES / feature).glob("*.html"))
    assert list((TESTS / feature).glob("test_*.py"))


# Templates


@pytest.fixture(scope="module")
def jinja(tmp_path_factory: pytest.TempPathFactory) -> tuple[Environment, set[str]]:
    """The environment of the application, and the names that every template knows."""
    folder = tmp_path_factory.mktemp("data")
    app: Flask = create_app(load_settings(_env_file=None, secret_key="k" * 40, data_dir=folder))
    with app.test_request_context():
        known: dict[str, object] = {}
        for processor in app.template_context_processors[None]:
            known |= processor()
    return app.jinja_env, {*app.jinja_env.globals, *known, "caller", "kwargs"}


def uses(environment: Environment, name: str) -> set[str]:
    """The variables that a template reads and does not set, and those of what it includes."""
    source = (TEMPLATES / name).read_text()
    tree = environment.parse(source)
    used = meta.find_undeclared_variables(tree)
    set_here = {node.name for node in tree.find_all(nodes.Name) if node.ctx == "store"}
    for included in tree.find_all(nodes.Include):
        assert isinstance(included.template, nodes.Const), f"{name} includes a variable name"
        used |= uses(environment, included.template.value)
    return used - set_here


def header(name: str) -> str:
    """The comment that a fragment begins with, on one line."""
    comment = re.match(r"\{# .+? -?#\}", (TEMPLATES / name).read_text(), re.S)
    assert comment, f"{name} does not begin with a comment"
    return " ".join(comment.group().split())


@pytest.mark.parametrize("name", FRAGMENTS)
def test_a_fragment_says_what_it_needs(name: str, jinja: tuple[Environment, set[str]]) -> None:
    environment, known = jinja
    needs = re.search(r"Needs: (.*?) -?#\}", header(name))

    declared = set(re.findall(r"\w+", needs.group(1))) if needs else set()

    assert declared == uses(environment, name) - known


@pytest.mark.parametrize("name", FRAGMENTS)
def test_a_fragment_says_who_swaps_it(name: str) -> None:
    words = header(name)
    named = set(re.findall(r"\b([a-z]+\.[a-z_]+)\b", words))

    assert re.match(r"\{# (Swapped|Shown|Drawn|The)\b", words)
    assert named <= endpoints(), f"There is no {named - endpoints()}"
    assert named or not words.startswith("{# Swapped whole")


def endpoints() -> set[str]:
    """Every handler of a page, as blueprint.function, read from the source."""
    found = set()
    for path in APP.glob("*/*pages.py"):
        handlers = re.findall(
            r"^@(\w+)\.(?:get|post)\([^\n]*\)\n(?:(?!def )[^\n]*\n)*def (\w+)",
            path.read_text(),
            re.M,
        )
        found |= {f"{blueprint}.{handler}" for blueprint, handler in handlers}
    return found


@pytest.mark.parametrize("name", PAGES)
def test_a_template_brings_no_script_no_style_and_no_unescaped_text(name: str) -> None:
    source = (TEMPLATES / name).read_text()
    tags = re.sub(r"\{#.*?#\}", "", source, flags=re.S)

    assert not re.search(r"<style\b|\sstyle=", tags)
    assert not re.search(r"\s(?:on\w+|hx-on[\w:-]*)\s*=\s*[\"'{]", tags)
    assert not re.search(r"<script(?![^>]*\ssrc=)", tags)
    assert not re.search(r"javascript:", tags)
    assert not re.search(r"\|\s*safe\b|autoescape|\bMarkup\b", tags)


@pytest.mark.parametrize("name", PAGES)
def test_every_form_that_posts_carries_the_token(name: str) -> None:
    source = (TEMPLATES / name).read_text()

    for form in re.findall(r"<form\b(?:(?!</form>).)*", source, re.S):
        assert 'method="post"' not in form or re.search(r"\bcsrf\(\)", form), form


# The whole tree


def sources() -> Iterator[Path]:
    """The project's own text files: what is ignored or brought from elsewhere is left out."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
    )
    names = listed.stdout.splitlines() or walked()
    for path in (PROJECT_ROOT / name for name in names):
        if path.is_file() and path.suffix in TEXT:
            yield path


def walked() -> list[str]:
    """The same without git, such as in an unpacked archive."""
    left_out = {".git", ".venv", "node_modules", "instance", "vendor", "build", "__pycache__"}
    every = (path.relative_to(PROJECT_ROOT) for path in PROJECT_ROOT.rglob("*"))
    return [str(path) for path in every if left_out.isdisjoint(path.parts)]


def test_no_file_names_a_package_registry() -> None:
    named = [
        f"{path.relative_to(PROJECT_ROOT)}: {host}"
        for path in sources()
        for host in REGISTRIES
        if host in path.read_text(errors="replace").lower()
    ]

    assert named == []


def test_no_file_names_a_folder_of_one_machine() -> None:
    homes = re.compile(r"(?<![\w.])/(?:home|Users)/[a-z]\w*/|(?<![\w.])/root/\w")
    named = [
        str(path.relative_to(PROJECT_ROOT))
        for path in sources()
        if homes.search(path.read_text(errors="replace"))
    ]

    assert named == []
