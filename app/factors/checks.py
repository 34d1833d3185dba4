"""Whether somebody has second factors, and whether a typed code is right.

Codes count once: the conditional updates of the models decide who of several was first.
"""

import hmac
import secrets
from dataclasses import dataclass

import pyotp
from sqlalchemy import Delete, Update, delete, func, select

from app.audit.trail import record
from app.database import now
from app.extensions import db
from app.factors.models import AuthenticatorApp, Passkey, RecoveryCode
from app.factors.rules import (
    ALPHABET,
    CODES,
    REST_LENGTH,
    SELECTOR_LENGTH,
    bare,
    grouped,
    is_app_code,
    is_recovery_code,
)
from app.factors.sealing import unseal
from app.passwords import hash_password, is_right
from app.users.models import User

STEPS_AWAY = (1, 0, -1)  # clocks differ: a step of 30 s ahead or behind is still right


@dataclass(frozen=True)
class Standing:
    """What a person has: the Security page and the second step draw it."""

    passkeys: list[Passkey]
    app: AuthenticatorApp | None
    can_check_app: bool
    codes_left: int

    @property
    def is_any(self) -> bool:
        return bool(self.passkeys or self.app)

    def is_last(self, factor: Passkey | AuthenticatorApp) -> bool:
        """Whether nothing but recovery codes would be left without ``factor``."""
        return not [each for each in (*self.passkeys, self.app) if each and each is not factor]


def standing(user: User) -> Standing:
    app = db.session.scalar(AuthenticatorApp.of(user))
    left = select(func.count()).select_from(RecoveryCode.unused_of(user).subquery())
    return Standing(
        passkeys=list(db.session.scalars(Passkey.of(user))),
        app=app,
        can_check_app=app is not None and unseal(app.secret, user.uuid) is not None,
        codes_left=db.session.scalar(left) or 0,
    )


def has_factors(user: User) -> bool:
    """Whether a password alone does not let ``user`` in."""
    apps, keys = AuthenticatorApp.of(user), Passkey.of(user).limit(1)
    return db.session.scalar(keys) is not None or db.session.scalar(apps) is not None


def check_code(user: User, code: str | None) -> bool:
    """Whether ``code`` is one of the app's or an unused recovery code; it is used up by this.

    The caller commits, also when it is wrong.
    """
    typed = bare(code)
    if is_app_code(typed):
        return check_app_code(user, typed)
    return is_recovery_code(typed) and check_recovery_code(user, typed)


def check_app_code(user: User, code: str) -> bool:
    app = db.session.scalar(AuthenticatorApp.of(user))
    secret = unseal(app.secret, user.uuid) if app else None
    step = step_of(secret, code) if secret else None
    return app is not None and step is not None and changed(AuthenticatorApp.used(app.id, step))


def step_of(secret: str, code: str) -> int | None:
    """The time step (RFC 6238) whose code this is, if it is about now."""
    totp, moment = pyotp.TOTP(secret), int(now().timestamp())
    here = moment // totp.interval
    expected = {here + away: totp.at(moment, counter_offset=away) for away in STEPS_AWAY}
    right = [step for step, each in expected.items() if hmac.compare_digest(each, code)]
    return max(right, default=None)


def check_recovery_code(user: User, code: str) -> bool:
    selector, rest = code[:SELECTOR_LENGTH], code[SELECTOR_LENGTH:]
    found = RecoveryCode.unused_of(user).where(RecoveryCode.selector == selector)
    row = db.session.scalar(found)
    # One hash either way: time does not tell whether there is a code that begins like this.
    right = is_right(row.code_hash if row else None, rest)
    if row is None or not right or not changed(RecoveryCode.used(row.id)):
        return False
    record("factor.code_used", user.as_subject, actor=user.as_subject)
    return True


def make_codes(user: User) -> list[str]:
    """Ten new recovery codes in place of the old ones, as they are shown once; the caller commits.

    All is hashed before the first change, since on SQLite everybody waits from there on.
    """
    selectors: dict[str, str] = {}
    while len(selectors) < CODES:
        selectors[random_text(SELECTOR_LENGTH)] = random_text(REST_LENGTH)
    rows = [
        RecoveryCode(user_id=user.id, selector=selector, code_hash=hash_password(rest))
        for selector, rest in selectors.items()
    ]
    db.session.execute(RecoveryCode.removed_for(user))
    db.session.add_all(rows)
    return [grouped(selector + rest) for selector, rest in selectors.items()]


def random_text(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def remove_codes_without_factors(user: User) -> bool:
    """Recovery codes stand in for a factor: without one they go. The caller commits."""
    db.session.flush()
    if has_factors(user):
        return False
    db.session.execute(RecoveryCode.removed_for(user))
    return True


def remove_all(user: User) -> None:
    """Take every factor and recovery code away. The caller commits, and puts it on record."""
    for model in (Passkey, AuthenticatorApp):
        db.session.execute(delete(model).where(model.user_id == user.id))
    db.session.execute(RecoveryCode.removed_for(user))


def changed(statement: Update | Delete) -> bool:
    """Whether the statement found its row: of several at once, one does."""
    result = db.session.execute(statement.execution_options(synchronize_session=False))
    return bool(result.rowcount)  # type: ignore[attr-defined]
