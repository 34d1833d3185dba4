"""What the servers of the benchmark serve: the application; the same pages without what makes them
an application; and nothing. Chosen by BENCH_SERVE; BENCH_CALLS are the calls, as JSON.

``bare`` is the minimal view of each page. Its answer is made as somebody would by hand who needs
nothing else: the one statement that finds what the page is about, sent through the same pool, and
the same template with the same values, found beforehand. It checks no session, counts no limit,
writes no log and sets no header.
"""

import json
import os
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, g, jsonify, request, template_rendered
from sqlalchemy import event
from werkzeug.test import TestResponse

from app import create_app
from app.config import load_settings
from app.extensions import db

LARGEST = "users"  # statements about people, jobs and posts are what pages are about


def serve() -> Flask:
    kind = os.environ.get("BENCH_SERVE", "app")
    if kind == "empty":
        return empty()
    app = create_app(load_settings(_env_file=None))
    return bare(app) if kind == "bare" else app


def empty() -> Flask:
    app = Flask("empty")
    app.add_url_rule("/", view_func=lambda: "")
    return app


def bare(app: Flask) -> Flask:
    views = {call["path"]: minimal(app, call) for call in json.loads(os.environ["BENCH_CALLS"])}
    app.before_request_funcs.clear()
    app.after_request_funcs.clear()
    app.teardown_request_funcs.clear()
    app.template_context_processors.clear()
    app.error_handler_spec.clear()
    del app.wsgi_app  # the class's own, without what is around it
    for endpoint in app.view_functions:
        app.view_functions[endpoint] = lambda **_: answer(views)
    return app


def answer(views: dict[str, Callable[[], Any]]) -> Any:
    view = views.get(request.full_path.removesuffix("?"))
    return view() if view else ""


def minimal(app: Flask, call: dict[str, Any]) -> Callable[[], Any]:
    """A view of one address that does only what is seen."""
    real, seen, sent = once(app, call)
    main = max(sent, key=lambda each: (LARGEST in each[0], len(each[0])), default=None)
    with app.app_context():
        engine = db.engine

    def view() -> Any:
        if main:
            with engine.connect() as connection:
                connection.exec_driver_sql(*main).fetchall()
        if not seen:
            return jsonify(real.get_json())
        template, context, who = seen[-1]
        g._login_user = who
        return Response(template.render(context), mimetype="text/html")

    return view


def once(app: Flask, call: dict[str, Any]) -> tuple[TestResponse, list[Any], list[Any]]:
    """The real answer, with the templates it drew and the statements that read."""
    seen: list[Any] = []
    sent: list[Any] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if statement.lstrip().startswith("SELECT"):
            sent.append((statement, values))

    def draw(_app: Flask, template: Any, context: dict[str, Any], **_: Any) -> None:
        seen.append((template, dict(context), g.get("_login_user")))

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    with template_rendered.connected_to(draw, app):
        real = app.test_client(use_cookies=False).open(
            call["path"], method=call["method"], headers=call["headers"], data=call["body"]
        )
    event.remove(engine, "before_cursor_execute", note)
    return real, seen, sent


app = serve()
