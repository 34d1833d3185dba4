"""Passkeys on one's own Security page: add, rename, remove."""

from flask import render_template, session, url_for
from flask.typing import ResponseReturnValue

from app.access import confirmation_required, sign_in_required
from app.audit.trail import record
from app.errors import Missing, Refused, Taken, answering
from app.extensions import db
from app.factors import checks, passkeys
from app.factors.forms import NewPasskeyForm, PasskeyNameForm
from app.factors.models import Passkey
from app.factors.pages import SECURITY, added, codes_for_first, factors, removed, tell_owner
from app.htmx import Toast, redirect_with
from app.users import links
from app.users.me import myself
from app.users.models import User
from app.users.one_time import OneTimeToken

MOST_PASSKEYS = 20
ADDING = "adding_passkey"  # in the browser's cookie: the token of the step that was begun
NOT_RIGHT = "The passkey was not added: the answer of this device was not right. Try again"
TOO_LATE = "That took too long. Start again."


@factors.post("/passkeys/new")
@sign_in_required
@confirmation_required
def begin_passkey() -> ResponseReturnValue:
    user = myself()
    if passkeys.site_name() is None:
        raise Refused("Passkeys need the name of this site in its address, not a number.")
    if len(checks.standing(user).passkeys) >= MOST_PASSKEYS:
        raise Refused(f"You have {MOST_PASSKEYS} passkeys. Remove one first.")
    session[ADDING] = links.issue("passkey", user, challenge=passkeys.new_challenge())
    db.session.commit()
    return redirect_with(url_for(".new_passkey"))


@factors.get("/passkeys/new")
@sign_in_required
@confirmation_required
def new_passkey() -> ResponseReturnValue:
    user = myself()
    keys = checks.standing(user).passkeys
    form = NewPasskeyForm(data={"name": f"Passkey {len(keys) + 1}" if keys else "Passkey"})
    return page(form, begun(user), user)


def begun(user: User) -> OneTimeToken:
    """The step this browser has begun for ``user``. Raises Refused when it is too old."""
    row = links.find("passkey", session.get(ADDING, ""))
    if row is None or row.user_id != user.id:
        raise Refused(TOO_LATE)
    return row


def page(form: NewPasskeyForm, row: OneTimeToken, user: User) -> str:
    options = passkeys.creation_options(user, row.payload["challenge"])
    return render_template("factors/passkey_new.html", form=form, options=options)


@factors.post("/passkeys")
@sign_in_required
@confirmation_required
def create_passkey() -> ResponseReturnValue:
    user, form = myself(), NewPasskeyForm()
    row = begun(user)
    if not form.validate():
        return page(form, row, user), 422
    challenge = row.payload["challenge"]
    passkey = passkeys.registered(user, form.answer.data or "", challenge, form.name.data)
    if passkey is None:
        form.form_errors.append(NOT_RIGHT)
        return page(form, row, user), 422
    return keep(passkey, row, user)


def keep(passkey: Passkey, row: OneTimeToken, user: User) -> ResponseReturnValue:
    codes, name = codes_for_first(user), passkey.name
    if not links.spend(row):
        raise Refused(TOO_LATE)
    session.pop(ADDING, None)
    try:
        with answering({"credential_id": "This passkey is in use already."}):
            db.session.add(passkey)
            record("factor.passkey_added", user.as_subject, detail=name)
            tell_owner(user, f"The passkey “{name}” was added.")
            db.session.commit()
    except Taken as taken:
        raise Refused(taken.sentence) from None
    return added(codes, f"The passkey {name} is added")


def mine(number: int) -> Passkey:
    passkey = db.session.scalar(Passkey.of(myself()).where(Passkey.id == number))
    if passkey is None:
        raise Missing("There is no such passkey. It may have been removed already.")
    return passkey


def one(passkey: Passkey, form: PasskeyNameForm) -> str:
    is_last = checks.standing(myself()).is_last(passkey)
    return render_template("factors/passkey.html", passkey=passkey, form=form, is_last=is_last)


@factors.get("/passkeys/<int(max=2147483647):number>")
@sign_in_required
def show_passkey(number: int) -> ResponseReturnValue:
    passkey = mine(number)
    return one(passkey, PasskeyNameForm(data={"name": passkey.name}))


@factors.post("/passkeys/<int(max=2147483647):number>")
@sign_in_required
@confirmation_required
def rename_passkey(number: int) -> ResponseReturnValue:
    passkey, form = mine(number), PasskeyNameForm()
    if not form.validate():
        return one(passkey, form), 422
    passkey.name = form.name.data
    with answering({}):
        db.session.commit()
    return redirect_with(url_for(SECURITY), Toast("Name saved"))


@factors.post("/passkeys/<int(max=2147483647):number>/remove")
@sign_in_required
@confirmation_required
def remove_passkey(number: int) -> ResponseReturnValue:
    passkey, user = mine(number), myself()
    name = passkey.name
    with answering({}):
        db.session.delete(passkey)
        record("factor.passkey_removed", user.as_subject, detail=name)
        return removed(user, f"The passkey {name} is removed")
