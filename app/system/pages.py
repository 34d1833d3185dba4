"""Is it alive, is it ready, and how is it: for machines and for operators."""

from flask import Blueprint, jsonify, render_template
from flask.typing import ResponseReturnValue

from app.access import operators_only
from app.extensions import db
from app.system import health

system = Blueprint("system", __name__)


@system.get("/healthz")
def healthz() -> ResponseReturnValue:
    """Alive: the process answers. Asks nothing else."""
    return jsonify(status="alive")


@system.get("/readyz")
def readyz() -> ResponseReturnValue:
    """Ready: 200 while requests can be served (also degraded), 503 without the database."""
    every = health.checks()
    status = health.status(every)
    parts = {check.name: {"ok": check.is_ok, "detail": check.detail} for check in every}
    db.session.rollback()
    return jsonify(status=status, checks=parts), 503 if status == "unavailable" else 200


@system.get("/system")
@operators_only
def show() -> ResponseReturnValue:
    every = health.checks()
    status = health.status(every)
    workers = [(worker, health.seconds_since(worker)) for worker in health.online()]
    return render_template("system/show.html", checks=every, status=status, workers=workers)
