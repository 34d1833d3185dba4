"""The roof: create_app() wires everything, on one page."""

from flask import Flask

from app import (
    cache_names,
    cached,
    cli,
    context,
    envelope,
    errors,
    htmx,
    logs,
    migrations,
    parts,
    passwords,
    programs,
    replica,
    words,
)
from app.audit.pages import audit
from app.auth import confirmation, factor_pages, operator_pages, reset_pages, sign_up_pages
from app.auth import tasks as auth_tasks
from app.auth.api import auth_api
from app.auth.cli import remove_factors
from app.auth.leaving_pages import leaving
from app.auth.pages import auth
from app.auth.security_pages import security
from app.commands import limits_commands
from app.config import PROJECT_ROOT, Settings, load_settings
from app.database import engine_options, listen_to
from app.extensions import (
    assets,
    cache,
    counters,
    csrf,
    db,
    limiter,
    login,
    queue,
)
from app.factors import app_pages, passkey_pages
from app.factors import models as factor_models
from app.factors import tasks as factor_tasks
from app.factors.pages import factors
from app.home.data_pages import data
from app.home.pages import home
from app.jobs import bulk_pages, bulk_tasks, queue_pages
from app.jobs import tasks as job_tasks
from app.jobs.api import jobs_api
from app.jobs.board_pages import board
from app.jobs.cli import worker
from app.jobs.job_commands import jobs_commands
from app.jobs.pages import jobs
from app.mail.pages import mail
from app.posts import wiring as posts_wiring  # noqa: F401 (scripts/remove_example)
from app.redis_servers import client_of, limits_storage, redis_patience
from app.reference.cli import openapi
from app.reference.pages import reference
from app.row_numbers import RowNumber
from app.system.pages import system
from app.tiers import copy_pages, file_commands, limit_api, limit_pages, marking
from app.tiers import tasks as tier_tasks
from app.tiers import undoing as tier_undoing
from app.tiers.api import tiers_api
from app.tiers.cli import create_tier
from app.tiers.pages import tiers
from app.tokens import models as token_models
from app.tokens import tasks as token_tasks
from app.tokens.pages import tokens
from app.users import (
    address_pages,
    admin_api,
    edit_pages,
    import_pages,
    import_tasks,
    limit_commands,
    mail_tasks,
    move_pages,
    move_tasks,
    role_pages,
    sign_up_api,
    standing_pages,
)
from app.users import tasks as user_tasks
from app.users import undoing as user_undoing
from app.users.api import users_api
from app.users.cli import create_admin, users_commands
from app.users.pages import users
from app.users.profile_pages import profile
from app.users.seed_commands import seed

PAGES = (
    *(home, audit, auth, security, factors, jobs, board, mail, tiers, tokens, users, system),
    *(profile, data, leaving, reference),
)
API = (auth_api, users_api, tiers_api, jobs_api)  # bearer tokens only, never a session: no CSRF
# Importing these adds doors to the above.
MORE_PAGES = (
    *(confirmation, operator_pages, reset_pages, sign_up_pages),
    *(factor_pages, passkey_pages, app_pages),
    *(admin_api, limit_api, sign_up_api),
    *(bulk_pages, queue_pages),
    *(address_pages, copy_pages, limit_pages, edit_pages, role_pages, standing_pages),
    *(import_pages, move_pages),
)
UNDOING = (tier_undoing, user_undoing)  # importing them says how the trail's entries are undone
MORE_COMMANDS = (limit_commands, file_commands)  # importing them adds commands to a group
TABLES = (factor_models, token_models)  # importing them lets migrations see their tables
COMMANDS = (
    *(create_admin, create_tier, users_commands, limits_commands, remove_factors),
    *(jobs_commands, worker, openapi, seed),
)
# Importing these declares their tasks.
TASK_MODULES = (
    *(auth_tasks, user_tasks, mail_tasks, import_tasks, move_tasks),
    *(factor_tasks, job_tasks, bulk_tasks, tier_tasks, token_tasks),
)


def create_app(settings: Settings | None = None) -> Flask:
    """The application, configured by ``settings`` (by default from the environment).

    Raises InvalidSettings with every problem at once.
    """
    settings = settings or load_settings()
    logs.configure(settings)
    app = Flask(__name__, static_folder=None, root_path=str(PROJECT_ROOT))
    app.config.from_mapping(flask_settings(settings))
    app.url_map.converters["int"] = RowNumber
    for extension in (db, cache, csrf, login, limiter, counters, queue, assets):
        extension.init_app(app)
    with app.app_context():
        for engine in db.engines.values():
            listen_to(engine)
    for blueprint in (*PAGES, *parts.PAGES):
        app.register_blueprint(blueprint)
    for blueprint in (*API, *parts.API):
        csrf.exempt(blueprint)
        app.register_blueprint(blueprint)
    for module in (words, migrations, context, errors, htmx, programs, marking, cached, replica):
        module.init_app(app)
    envelope.init_app(app, settings)
    passwords.LINE.leave_one_free(settings.web_threads)
    for command in (*COMMANDS, cli.prepare):
        app.cli.add_command(command)
    cache_names.check(app)
    return app


def flask_settings(settings: Settings) -> dict[str, object]:
    """What Flask and its extensions read, from our settings."""
    threads = max(settings.web_threads, settings.worker_threads + 2)  # heart and broom
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    pool = engine_options(settings.sqlalchemy_url, threads, settings.database_prepared_statements)
    copy = settings.database_replica_url
    binds = {replica.NAME: {"url": copy.get_secret_value(), **pool}} if copy else {}
    patience = redis_patience(seconds=1)
    cache_url, limits_url = settings.redis_cache_url, settings.redis_rate_limit_url
    storage, given = limits_storage(limits_url, **patience) if limits_url else ("memory://", {})
    return {
        "SETTINGS": settings,
        "ENVIRONMENT": settings.environment,
        "DEBUG": settings.debug,
        "TEMPLATES_AUTO_RELOAD": settings.is_local,
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "MAX_CONTENT_LENGTH": settings.max_request_bytes,
        "MAX_FORM_MEMORY_SIZE": settings.max_request_bytes,
        "TRUSTED_HOSTS": settings.trusted_hosts,
        "SESSION_COOKIE_NAME": "session" if settings.is_local else "__Host-session",
        "SESSION_COOKIE_SECURE": not settings.is_local,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "PERMANENT_SESSION_LIFETIME": settings.session_absolute_days * 86400,
        # A form is good for as long as its session: nobody loses a text typed over lunch.
        "WTF_CSRF_TIME_LIMIT": None,
        "SQLALCHEMY_DATABASE_URI": settings.sqlalchemy_url,
        "SQLALCHEMY_ENGINE_OPTIONS": pool,
        "SQLALCHEMY_BINDS": binds,
        "CACHE_TYPE": "RedisCache" if cache_url else "SimpleCache",
        "CACHE_REDIS_HOST": client_of(cache_url, **patience) if cache_url else None,
        "RATELIMIT_STORAGE_URI": storage,
        "RATELIMIT_STORAGE_OPTIONS": given,
        "CLIENT_CACHE_MAX_AGE": settings.client_cache_max_age,
        "DEFAULT_RATE_LIMIT_LIMIT": settings.default_rate_limit_limit,
        "DEFAULT_RATE_LIMIT_PERIOD": settings.default_rate_limit_period,
        "SIGN_IN_THROTTLE": "10 per 3 minutes",
        "SIGN_IN_THROTTLE_PER_ADDRESS": "60 per 3 minutes",
        "SIGN_IN_STRANGERS": (100, 10),  # an hour: at one account, of which from one address
        "SECURITY_HEADERS": envelope.security_headers(settings),
    }
