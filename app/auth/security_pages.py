"""What keeps an account safe: its password and its sessions. Operators see the sessions too."""

from typing import Any

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.access import operators_only, sign_in_required
from app.audit import trail
from app.auth import sessions
from app.auth.forms import ChangePasswordForm
from app.auth.models import Session
from app.auth.second_factors import factors_of
from app.auth.tasks import mail_password_changed
from app.auth.throttles import count_own_password
from app.errors import Missing, Refused, answering
from app.extensions import db
from app.factors import checks, passkeys
from app.htmx import Toast, page_before, redirect_with, render, swap_or_redirect
from app.mail.sending import this_site
from app.users.me import myself
from app.users.models import User
from app.users.one_time import digest

security = Blueprint("security", __name__)

HEADING = 0  # where the focus goes when no session is left to end


@security.get("/security")
@sign_in_required
def index() -> ResponseReturnValue:
    user = myself()
    return render_template("security/index.html", form=ChangePasswordForm(user), **shown(user))


@security.post("/security/password")
@sign_in_required
def change_password() -> ResponseReturnValue:
    user = myself()
    count_own_password(user)
    form = ChangePasswordForm(user)
    if not form.validate():
        if form.guessed_wrong:
            trail.record("confirmation.failed", user.as_subject)
            db.session.commit()
        context = {"form": form, **shown(user)}
        return render("security/index.html", "security/_password.html", **context), 422
    user.set_password(form.new_password.data)
    trail.record("password.changed", user.as_subject)
    mail_password_changed.enqueue(user_id=user.id, site=this_site())
    with answering({}):
        sessions.keep_only_this(user)
    said = "Your password is changed. You are signed out everywhere else."
    return redirect_with(url_for(".index"), Toast(said))


@security.post("/security/sessions/<int(max=2147483647):number>/end")
@sign_in_required
def end_session(number: int) -> ResponseReturnValue:
    return end_one(myself(), number, url_for(".index"))


@security.post("/security/sessions/end-others")
@sign_in_required
def end_others() -> ResponseReturnValue:
    user, place = myself(), url_for(".index")
    sessions.end_others(user)
    trail.record("session.ended_all", user.as_subject, detail="all but the one it was done from")
    db.session.commit()
    toast = Toast("You are signed out everywhere else")
    return swap_or_redirect("security/_sessions.html", place, toast, **listing(user, HEADING))


@security.post("/security/sessions/end-all")
@sign_in_required
def end_all() -> ResponseReturnValue:
    """Sign out everywhere, here too."""
    user = myself()
    sessions.end_all(user)
    trail.record("session.ended_all", user.as_subject)
    sessions.end()
    return redirect_with(url_for("auth.sign_in"), Toast("You are signed out everywhere"))


@security.get("/users/<username>/sessions")
@operators_only
def sessions_of(username: str) -> ResponseReturnValue:
    """The page of a person shows this part in itself; without script it is a page."""
    user = db.one_or_404(User.by_username(username))
    context = {"factors": factors_of(user), **listing(user)}
    return render("security/person.html", "security/_person.html", **context)


@security.post("/users/<username>/sessions/<int(max=2147483647):number>/end")
@operators_only
def end_session_of(username: str, number: int) -> ResponseReturnValue:
    user = db.one_or_404(User.by_username(username))
    return end_one(user, number, url_for(".sessions_of", username=username))


def end_one(user: User, number: int, otherwise: str) -> ResponseReturnValue:
    """End a living session of ``user``, but never the one that asks for it."""
    listed = listing(user)
    row = next((each for each in listed["sessions"] if each.id == number), None)
    if row is None:
        raise Missing("There is no such session. It may have ended already.")
    if number == listed["current"]:
        raise Refused("This is the session you are using. Sign out instead.")
    focused = beside(number, listed)
    trail.record("session.ended", user.as_subject, detail=f"{row.device}, {row.address}")
    db.session.delete(row)
    db.session.commit()
    place, toast = page_before(otherwise), Toast("Session ended")
    return swap_or_redirect("security/_sessions.html", place, toast, **listing(user, focused))


def beside(number: int, listed: dict[str, Any]) -> int:
    """The session to go to when ``number`` is gone: the next, else the last, else the heading."""
    ids = [each.id for each in listed["sessions"] if each.id != listed["current"]]
    place = ids.index(number)
    ids.remove(number)
    return ids[min(place, len(ids) - 1)] if ids else HEADING


def shown(user: User) -> dict[str, Any]:
    """What the page of ``user`` needs beside the form."""
    named = passkeys.site_name() is not None
    address = None if named else passkeys.named_address()
    return {**listing(user), "standing": checks.standing(user), "named_address": address}


def listing(user: User, focused: int | None = None) -> dict[str, Any]:
    """What the list shows: this browser's own session first, then those used last."""
    here = digest(current_user.session_token or "")
    rows = sorted(db.session.scalars(Session.of(user)), key=lambda row: row.token_hash != here)
    current = rows[0].id if rows and rows[0].token_hash == here else None
    return {"user": user, "sessions": rows, "current": current, "focused": focused}
