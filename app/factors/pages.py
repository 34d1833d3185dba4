"""Recovery codes: made, shown once, taken home as a file. Also what the other doors here share."""

import re

from flask import Blueprint, Response, abort, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.access import confirmation_required, sign_in_required
from app.audit.trail import record
from app.errors import Refused
from app.extensions import db
from app.factors import checks
from app.factors.rules import CODES, bare, is_recovery_code
from app.factors.tasks import tell_about_factor
from app.htmx import Toast, redirect_with
from app.mail.sending import this_site
from app.users.me import myself
from app.users.models import User

factors = Blueprint("factors", __name__, url_prefix="/security")

SECURITY = "security.index"
LAST_ONE = "It was your last second factor, so your recovery codes are gone too."


def tell_owner(user: User, said: str) -> None:
    """Let a mail to the owner follow the commit."""
    tell_about_factor.enqueue(user_id=user.id, said=said, site=this_site())


def codes_for_first(user: User) -> list[str]:
    """Ten recovery codes when ``user`` is about to get a first factor; none otherwise."""
    if checks.has_factors(user):
        return []
    codes = checks.make_codes(user)
    record("factor.codes_made", user.as_subject)
    return codes


def added(codes: list[str], said: str) -> ResponseReturnValue:
    """Show the codes that came with a first factor; otherwise go back and say what was done."""
    if codes:
        return show(codes, said)
    return redirect_with(url_for(SECURITY), Toast(said))


def removed(user: User, said: str) -> ResponseReturnValue:
    """Finish taking a factor away; commits."""
    was_last = checks.remove_codes_without_factors(user)
    tell_owner(user, f"{said}.")
    db.session.commit()
    return redirect_with(url_for(SECURITY), Toast(f"{said}. {LAST_ONE}" if was_last else said))


def show(codes: list[str], said: str = "") -> Response:
    """They exist in this answer only; the table keeps hashes."""
    return make_response(render_template("factors/codes.html", codes=codes, said=said))


@factors.post("/codes")
@sign_in_required
@confirmation_required
def create_codes() -> ResponseReturnValue:
    user = myself()
    if not checks.has_factors(user):
        raise Refused("Add a passkey or an authenticator app first.")
    codes = checks.make_codes(user)
    record("factor.codes_made", user.as_subject)
    tell_owner(user, "New recovery codes were made. The old ones no longer work.")
    db.session.commit()
    return show(codes, "The old codes no longer work.")


@factors.post("/codes/file")
@sign_in_required
def download_codes() -> ResponseReturnValue:
    """The codes of the page that shows them, given back as a file: nothing is looked up."""
    codes = re.split(r"\s+", (request.form.get("codes") or "").strip())
    if len(codes) != CODES or not all(is_recovery_code(bare(code)) for code in codes):
        abort(400)
    response = make_response("".join(f"{code}\r\n" for code in codes))
    response.content_type = "text/plain; charset=utf-8"
    response.headers["Content-Disposition"] = 'attachment; filename="recovery-codes.txt"'
    return response
