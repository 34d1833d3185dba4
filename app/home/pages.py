"""The overview: my tier, my limits, my tasks, and starting one."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.access import sign_in_required
from app.database import now
from app.extensions import db
from app.jobs.forms import StartForm
from app.jobs.models import Job
from app.tiers.limits import caller_of, standings

home = Blueprint("home", __name__)


@home.get("/")
@sign_in_required
def index() -> ResponseReturnValue:
    every = standings(caller_of(current_user))
    recent = db.session.scalars(Job.of(current_user).limit(5)).all()
    starting = next((each for each in every if each.route.key == "jobs.start"), None)
    context = {"standings": every, "standing": starting, "recent": recent, "now": now()}
    return render_template("home/index.html", form=StartForm(current_user), **context)
