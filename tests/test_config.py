"""Settings: where they come from, what follows from them, and what stops a start."""

import os
import re
import secrets
import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest
from pydantic import AliasChoices, ValidationError
from sqlalchemy import make_url

from app.config import PROJECT_ROOT, InvalidSettings, Settings, load_settings

KEY = secrets.token_urlsafe(48)
PASSWORD = "Tr0mbone-vase-lilac"
SAFE = {
    "environment": "production",
    "secret_key": KEY,
    "trusted_hosts": "gatehouse.test,.gatehouse.test",
    "database_url": "postgresql://app@database/gatehouse",
    "redis_cache_url": "redis://cache:6379/0",
    "redis_queue_url": "redis://queue:6379/0",
    "redis_rate_limit_url": "redis://cache:6379/0",
    "smtp_host": "mail.gatehouse.test",
    "mail_from": "door@example.org",
    "public_url": "https://gatehouse.test",
}


def variables() -> set[str]:
    names = set()
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        names |= {str(c) for c in alias.choices} if isinstance(alias, AliasChoices) else {name}
    return {name.upper() for name in names}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    for name in [name for name in os.environ if name.upper() in variables()]:
        monkeypatch.delenv(name)


def settings(**overrides):
    return load_settings(**{"_env_file": None, "secret_key": KEY, **overrides})


def problems(**overrides):
    with pytest.raises(InvalidSettings) as caught:
        settings(**overrides)
    return caught.value.problems


def dotenv(folder, text):
    path = folder / "settings.env"
    path.write_text(text, encoding="utf-8")
    return path


# Where values come from


def test_every_variable_sets_the_attribute_of_its_name(monkeypatch):
    monkeypatch.setenv("APP_NAME", "Portcullis")
    monkeypatch.setenv("DEFAULT_RATE_LIMIT_LIMIT", "25")

    read = settings()

    assert (read.app_name, read.default_rate_limit_limit) == ("Portcullis", 25)


def test_environment_wins_over_the_file_and_the_file_over_defaults(monkeypatch, tmp_path):
    path = dotenv(tmp_path, "APP_NAME=File\nTIER_NAME=basic\n")
    monkeypatch.setenv("APP_NAME", "Environment")

    read = settings(_env_file=path)

    assert (read.app_name, read.tier_name, read.algorithm) == ("Environment", "basic", "HS256")


def test_blank_means_not_set_for_every_variable(monkeypatch, tmp_path):
    for name in variables() - {"SECRET_KEY"}:
        monkeypatch.setenv(name, "")
    blank = dotenv(tmp_path, "".join(f"{name}=\n" for name in variables() - {"SECRET_KEY"}))

    with_blanks = settings(_env_file=blank)

    for name in variables():
        monkeypatch.delenv(name, raising=False)
    assert with_blanks == settings()


def test_file_of_the_project_is_read_from_any_folder_unless_switched_off(tmp_path):
    project = tmp_path / "a copy"
    (project / "app").mkdir(parents=True)
    for name in ("config.py", "redis_cluster.py", "redis_servers.py", "safety.py", "values.py"):
        shutil.copy(PROJECT_ROOT / "app" / name, project / "app")
    (project / ".env").write_text(f"SECRET_KEY={KEY}\nAPP_NAME=From the file\n")
    program = (
        "from app.config import Settings, load_settings;"
        "print(load_settings().app_name, '|', Settings(_env_file=None).app_name)"
    )

    shown = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert shown.stdout.strip() == "From the file | Gatehouse", shown.stderr


def test_file_with_a_byte_order_mark_and_unknown_names_is_read(tmp_path):
    path = dotenv(tmp_path, "\ufeffAPP_NAME=Marked\nSOMETHING_ELSE=1\n")

    assert settings(_env_file=path).app_name == "Marked"


def test_unreadable_file_is_one_sentence(tmp_path):
    path = tmp_path / "settings.env"
    path.write_bytes(b"APP_NAME=\xff\xfe\n")

    assert problems(_env_file=path) == ["The .env file is not UTF-8 text. Save it as UTF-8."]


@contextmanager
def ordinary_user():
    """Root may read every file, so the test is somebody else for a moment."""
    user = os.geteuid()
    os.seteuid(user or 65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_forbidden_file_is_one_sentence(tmp_path):
    path = dotenv(tmp_path, "APP_NAME=Hidden\n")
    path.chmod(0)

    with ordinary_user():
        found = problems(_env_file=path)

    assert found == [
        "The .env file cannot be read (Permission denied). Make it readable to this user."
    ]


@pytest.mark.parametrize("name", ["LICENSE_NAME", "LICENSE"])
def test_licence_has_two_names(monkeypatch, name):
    monkeypatch.setenv(name, "MIT")

    assert settings().license_name == "MIT"


def test_wrong_licence_is_named_by_its_first_name():
    [problem] = problems(license_name=3)

    assert problem.startswith("LICENSE_NAME has a value of the wrong kind")


def test_settings_cannot_be_changed_afterwards():
    with pytest.raises(ValidationError):
        settings().debug = True


# What follows from them


def test_defaults_are_those_of_the_original():
    read = settings()

    assert read.algorithm == "HS256"
    assert (read.access_token_expire_minutes, read.refresh_token_expire_days) == (30, 7)
    assert (read.default_rate_limit_limit, read.default_rate_limit_period) == (10, 3600)
    assert (read.client_cache_max_age, read.tier_name, read.environment) == (60, "free", "local")


def test_nothing_configured_is_embedded(tmp_path):
    read = settings(data_dir=tmp_path / "a b?%")

    assert make_url(read.sqlalchemy_url).database == str(tmp_path / "a b?%" / "gatehouse.sqlite3")
    assert read.is_embedded_database
    assert read.queue_path == tmp_path / "a b?%" / "queue.sqlite3"
    assert read.redis_rate_limit_url is None
    assert (read.redis_cache_url, read.redis_queue_url, read.web_workers) == (None, None, 1)


def test_data_folder_starts_at_the_project(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    assert settings().data_dir == PROJECT_ROOT / "instance"
    assert settings(data_dir="../elsewhere").data_dir == PROJECT_ROOT.parent / "elsewhere"
    assert settings(data_dir="~/data").data_dir == tmp_path / "data"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_plain_postgresql_address_means_psycopg(scheme):
    read = settings(database_url=f"{scheme}://ann:p%40ss@db:5433/gate?sslmode=require")

    assert read.sqlalchemy_url == "postgresql+psycopg://ann:p%40ss@db:5433/gate?sslmode=require"
    assert not read.is_embedded_database


def test_sqlite_address_is_kept():
    read = settings(database_url="sqlite:////srv/gate.sqlite3", postgres_server="unused")

    assert read.sqlalchemy_url == "sqlite:////srv/gate.sqlite3"
    assert read.is_embedded_database


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({"postgres_server": "db"}, "postgresql+psycopg://postgres@db:5432/postgres"),
        ({"postgres_user": "ann"}, "postgresql+psycopg://ann@localhost:5432/postgres"),
        ({"postgres_db": "gate"}, "postgresql+psycopg://postgres@localhost:5432/gate"),
        ({"postgres_server": "::1"}, "postgresql+psycopg://postgres@[::1]:5432/postgres"),
    ],
)
def test_any_postgres_part_chooses_postgresql(given, url):
    assert settings(**given).sqlalchemy_url == url


def test_odd_characters_of_user_and_password_survive():
    user, password = "a/n:n@", "p@ss:w/o%r?d#é"
    read = settings(postgres_user=user, postgres_password=password, postgres_port=5433)

    url = make_url(read.sqlalchemy_url)

    assert (url.username, url.password, url.host, url.port) == (user, password, "localhost", 5433)


def test_postgres_port_alone_stays_embedded():
    assert settings(postgres_port=5433).is_embedded_database


@pytest.mark.parametrize("purpose", ["cache", "queue", "rate_limit"])
@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({"host": "redis"}, "redis://redis:6379/0"),
        ({"port": "6380"}, "redis://localhost:6380/0"),
        ({"host": "::1", "port": "6380"}, "redis://[::1]:6380/0"),
        ({"url": "rediss://u:p@r/3", "host": "unused"}, "rediss://u:p@r/3"),
    ],
)
def test_each_redis_comes_from_its_address_or_its_parts(purpose, given, url):
    read = settings(**{f"redis_{purpose}_{part}": value for part, value in given.items()})

    addresses = {name: getattr(read, f"redis_{name}_url") for name in ("cache", "queue")}
    addresses["rate_limit"] = read.redis_rate_limit_url
    assert addresses.pop(purpose) == url
    assert set(addresses.values()) == {None}


def test_two_web_processes_only_when_they_can_share_everything():
    assert settings(**SAFE).web_workers == 2
    assert settings(postgres_server="db").web_workers == 1
    assert settings(redis_rate_limit_host="redis").web_workers == 1
    assert settings(web_workers="3").web_workers == 3


def test_local_and_production_differ_in_hosts_and_logs():
    local, production = settings(), settings(**SAFE)

    assert local.is_local
    assert (local.trusted_hosts, local.log_format) == (["localhost", "127.0.0.1"], "text")
    assert not production.is_local
    assert production.trusted_hosts == ["gatehouse.test", ".gatehouse.test"]
    assert (production.log_format, settings(**SAFE, log_format="text").log_format) == (
        "json",
        "text",
    )


def test_trusted_hosts_are_split_at_commas(monkeypatch):
    monkeypatch.setenv("TRUSTED_HOSTS", " a.test , .b.test,10.0.0.1,[::1]")

    assert settings().trusted_hosts == ["a.test", ".b.test", "10.0.0.1", "[::1]"]


# What stops a start


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PORT", "web", "PORT must be a whole number."),
        ("PORT", "0", "PORT must be 1 or more."),
        ("POSTGRES_PORT", "65536", "POSTGRES_PORT must be 65535 or less."),
        ("WEB_WORKERS", "many", "WEB_WORKERS must be a whole number."),
        ("TRUSTED_PROXY_HOPS", "-1", "TRUSTED_PROXY_HOPS must be 0 or more."),
        ("DEFAULT_RATE_LIMIT_PERIOD", "0", "DEFAULT_RATE_LIMIT_PERIOD must be 1 or more."),
        ("JOB_LEASE_SECONDS", "0", "JOB_LEASE_SECONDS must be 1 or more."),
        ("REFRESH_TOKEN_EXPIRE_DAYS", "9999999", "REFRESH_TOKEN_EXPIRE_DAYS must be 3650 or less."),
        ("DEBUG", "perhaps", "DEBUG must be true or false."),
        ("ALGORITHM", "none", "ALGORITHM must be 'HS256', 'HS384' or 'HS512'."),
        ("ENVIRONMENT", "prod", "ENVIRONMENT must be 'local', 'staging' or 'production'."),
        ("LOG_FORMAT", "xml", "LOG_FORMAT must be 'text' or 'json'."),
        ("TIER_NAME", "  ", "TIER_NAME must have 1 or more characters."),
        ("TIER_NAME", "x" * 65, "TIER_NAME must have 64 or fewer characters."),
        ("ADMIN_NAME", "x", "ADMIN_NAME must have 2 or more characters."),
        (
            "ADMIN_USERNAME",
            "Ann Lee",
            "ADMIN_USERNAME must be 2 to 20 small letters a to z and digits.",
        ),
        ("ADMIN_EMAIL", "ann", "ADMIN_EMAIL must be an e-mail address such as name@example.org."),
        (
            "CONTACT_EMAIL",
            "a@b@c",
            "CONTACT_EMAIL must be an e-mail address such as name@example.org.",
        ),
    ],
)
def test_wrong_value_is_named_in_one_sentence(monkeypatch, name, value, sentence):
    monkeypatch.setenv(name, value)

    assert problems() == [sentence]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOST", "http://here"),
        ("POSTGRES_SERVER", "db:5432"),
        ("REDIS_CACHE_HOST", "ann:hunter2@redis"),
        ("REDIS_QUEUE_URL", "queue:6379"),
        ("REDIS_QUEUE_URL", "redis://:hunter2@queue:port/0"),
        ("DATABASE_URL", "mysql://ann:hunter2@db/gate"),
        ("DATABASE_URL", "postgresql://ann:hunter2@db:port/gate"),
        ("DATABASE_URL", "postgresql+asyncpg://ann:hunter2@db/gate"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("TRUSTED_HOSTS", "*"),
        ("TRUSTED_HOSTS", "good.test,*.test"),
        ("TRUSTED_HOSTS", "https://good.test"),
        ("TRUSTED_HOSTS", ","),
    ],
)
def test_unusable_address_is_named_and_not_repeated(monkeypatch, name, value):
    monkeypatch.setenv(name, value)

    [problem] = problems()

    assert problem.startswith(f"{name} must ")
    assert "hunter2" not in problem


def test_local_start_without_key_says_where_one_comes_from():
    [problem] = problems(secret_key="")

    assert problem.startswith("SECRET_KEY is not set. Run ./dev run")


def test_all_problems_come_in_one_list(monkeypatch):
    monkeypatch.setenv("ENVIRONMENT", "production")
    for name, value in {"PORT": "web", "ALGORITHM": "none", "DEBUG": "on"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ADMIN_PASSWORD", "admin")

    found = problems(secret_key="short")

    named = [problem.split()[0] for problem in found]
    assert sorted(named) == sorted(
        [
            *("PORT", "ALGORITHM", "SECRET_KEY", "ADMIN_PASSWORD", "ADMIN_PASSWORD"),
            *("DEBUG", "TRUSTED_HOSTS", "REDIS_RATE_LIMIT_HOST"),
        ]
    )


def test_wrong_value_is_not_reported_twice_as_missing():
    unsafe = {**SAFE, "trusted_hosts": "*", "redis_rate_limit_url": "nonsense", "debug": "perhaps"}

    named = [problem.split()[0] for problem in problems(**unsafe)]

    assert named == ["DEBUG", "TRUSTED_HOSTS", "REDIS_RATE_LIMIT_URL"]


def test_list_of_problems_is_ready_to_print():
    error = InvalidSettings(["PORT is wrong.", "DEBUG is wrong."])

    assert str(error) == "- PORT is wrong.\n- DEBUG is wrong."


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_safe_settings_start_without_a_word(environment):
    read = settings(**{**SAFE, "environment": environment}, admin_password=PASSWORD)

    assert (read.environment, read.warnings) == (environment, [])


@pytest.mark.parametrize("environment", ["staging", "production"])
@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"secret_key": ""}, "SECRET_KEY"),
        ({"secret_key": KEY[:31]}, "SECRET_KEY"),
        ({"secret_key": "secret-key" + KEY}, "SECRET_KEY"),
        ({"secret_key": "Change_Me-" + KEY}, "SECRET_KEY"),
        ({"secret_key": "a" * 64}, "SECRET_KEY"),
        ({"secret_key": "aAbBcCdDeE" * 5}, "SECRET_KEY"),
        ({"secret_key": "aaabbbbcccccddddddeeeeeefffffgggg"}, "SECRET_KEY"),
        ({"admin_password": "Lilac-vase1"}, "ADMIN_PASSWORD"),
        ({"admin_password": "!Ch4ng3Th1sP4ssW0rd!"}, "ADMIN_PASSWORD"),
        ({"admin_password": "password-1234"}, "ADMIN_PASSWORD"),
        ({"admin_password": "lilac-lilac-"}, "ADMIN_PASSWORD"),
        ({"admin_password": "Lilac-ANNLEE-vase", "admin_username": "annlee"}, "ADMIN_PASSWORD"),
        ({"debug": True}, "DEBUG"),
        ({"trusted_hosts": []}, "TRUSTED_HOSTS"),
        ({"trusted_hosts": ["*"]}, "TRUSTED_HOSTS"),
        ({"redis_rate_limit_url": None}, "REDIS_RATE_LIMIT_HOST"),
    ],
)
def test_unsafe_setting_is_refused_outside_local_only(environment, change, name):
    [problem] = problems(**{**SAFE, **change, "environment": environment})

    assert problem.startswith(f"{name} ")
    if change not in ({"secret_key": ""}, {"trusted_hosts": ["*"]}):
        assert settings(**{**SAFE, **change, "environment": "local"}).is_local


def test_generated_keys_of_all_usual_kinds_are_accepted():
    for key in (secrets.token_hex(32), secrets.token_urlsafe(32), secrets.token_hex(16)):
        assert settings(**{**SAFE, "secret_key": key}).secret_key.get_secret_value() == key


def test_sqlite_and_a_shared_redis_warn_in_production():
    shared = settings(**{**SAFE, "redis_queue_url": "redis://cache/1"}).warnings
    on_file = settings(**{**SAFE, "database_url": "sqlite:////srv/gate.sqlite3"}).warnings

    assert [("share one Redis" in warning) for warning in shared] == [True]
    assert [("SQLite" in warning) for warning in on_file] == [True]
    assert settings(redis_cache_host="r", redis_queue_host="r").warnings == []


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"redis_cache_url": None}, "needs a shared cache"),
        ({"database_url": "sqlite:////srv/gate.sqlite3"}, "is for PostgreSQL alone"),
        ({"database_replica_url": "sqlite:////srv/copy.sqlite3"}, "is for PostgreSQL alone"),
    ],
)
@pytest.mark.parametrize("environment", ["local", "production"])
def test_a_replica_is_refused_where_it_could_not_be_used_rightly(environment, change, missing):
    usable = {**SAFE, "database_replica_url": "postgres://app@copy/gate?sslmode=require"}
    [problem] = problems(**{**usable, **change, "environment": environment})

    assert problem.startswith(f"DATABASE_REPLICA_URL {missing}")
    assert settings(**usable).warnings == []


# Mail


def test_where_mails_go():
    at_home, mailed = settings(), settings(smtp_host="mail.test")
    mute = settings(**{**SAFE, "smtp_host": None})

    assert (at_home.keeps_mail, at_home.has_mail) == (True, True)
    assert (mailed.keeps_mail, mailed.has_mail) == (False, True)
    assert (mute.keeps_mail, mute.has_mail) == (False, False)
    assert [("nobody can sign up" in warning) for warning in mute.warnings] == [True]


def test_the_port_of_the_mail_server_follows_from_its_security():
    ports = {kind: settings(smtp_security=kind).smtp_port for kind in ("starttls", "tls", "none")}

    assert ports == {"starttls": 587, "tls": 465, "none": 25}
    assert settings(smtp_security="tls", smtp_port=2465).smtp_port == 2465


def test_mails_come_from_the_contact_unless_told_otherwise():
    assert settings(contact_email="help@example.org").mail_from == "help@example.org"
    (problem,) = problems(**{**SAFE, "mail_from": None})
    assert problem.startswith("MAIL_FROM is not set.")


@pytest.mark.parametrize("url", ["app.test", "ftp://app.test", "https://app.test/path", "https://"])
def test_mailed_links_lead_to_a_whole_address(url):
    (problem,) = problems(public_url=url)

    assert problem.startswith("PUBLIC_URL must look like https://app.example.org")


def test_mailed_links_are_encrypted_outside_local():
    assert settings(public_url="http://app.test").public_url == "http://app.test/"
    (problem,) = problems(**{**SAFE, "public_url": "http://app.test"})
    assert problem.startswith("PUBLIC_URL must begin with https://")


def test_it_warns_when_whoever_asks_says_where_mailed_links_lead():
    open_to_all = settings(**{**SAFE, "public_url": None})

    assert [("PUBLIC_URL is not set" in warning) for warning in open_to_all.warnings] == [True]


# What must not be told


SECRETS = {
    "secret_key": KEY,
    "admin_password": "hunter2-one",
    "smtp_password": "hunter2-six",
    "test_password": "hunter2-two",
    "pgadmin_default_password": "hunter2-three",
    "postgres_password": "hunter2-four",
    "database_url": "postgresql://ann:hunter2@db/gate",
    "redis_cache_url": "redis://:hunter2@cache/0",
    "redis_queue_url": "redis://:hunter2@queue/0",
    "redis_rate_limit_url": "redis://:hunter2@cache/0",
}


def test_secrets_are_not_shown():
    read = settings(**SECRETS)

    assert "hunter2" in read.sqlalchemy_url + str(read.redis_cache_url)
    for shown in (repr(read), str(read), f"{read}"):
        assert KEY not in shown
        assert "hunter2" not in shown


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_secrets_are_not_in_what_stops_a_start(name):
    with pytest.raises(InvalidSettings) as caught:
        settings(**{**SAFE, "port": "web", name: "hunter2"})

    assert "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None


def test_pydantic_itself_does_not_repeat_values():
    with pytest.raises(ValidationError) as caught:
        Settings(_env_file=None, redis_cache_url="hunter2")

    assert "hunter2" not in str(caught.value)


# What is written about them


def example_lines():
    text = (PROJECT_ROOT / ".env.example").read_text()
    return re.findall(r"^# ([A-Z_]+)=(.*)$", text, flags=re.MULTILINE)


def test_example_names_exactly_the_variables_that_are_read():
    named = [name for name, _ in example_lines()]

    assert len(named) == len(set(named))
    assert set(named) == variables()


def test_example_explains_each_variable_and_sets_none():
    lines = (PROJECT_ROOT / ".env.example").read_text().splitlines()
    at = [number for number, line in enumerate(lines) if re.match(r"# [A-Z_]+=", line)]

    assert all(line == "" or line.startswith("# ") for line in lines)
    assert all(re.match(r"# [^-=]+", lines[number - 1]) for number in at)
    assert all(number - 1 not in at for number in at)


def test_example_shows_the_real_defaults(tmp_path):
    shown = "".join(f"{name}={value}\n" for name, value in example_lines())

    assert settings(_env_file=dotenv(tmp_path, shown)) == settings()


def test_documentation_covers_exactly_the_variables_that_are_read():
    text = (PROJECT_ROOT / "docs" / "configuration.md").read_text()
    table = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]

    assert set(re.findall(r"`([A-Z_]+)`", "".join(table))) == variables()
