"""What operators do to people, with the rules that every door keeps, put on record."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import select

from app.audit.models import Event, Subject
from app.audit.trail import record
from app.errors import Refused, Stale, Taken, answering
from app.extensions import db
from app.tiers.deeds import BEFORE_DELETION
from app.tiers.models import Tier
from app.users import numbers as numbers  # nobody new gets the number of somebody erased
from app.users.models import User
from app.users.one_time import OneTimeToken

TAKEN = {"email": "Another account already has this address"}


def add(
    user: User,
    and_then: Callable[[User], None] = lambda _user: None,
    by_themselves: bool = False,
) -> None:
    """Commit somebody new, with what ``and_then`` adds to it.

    Raises Taken, naming the field and saying what to do.
    """
    db.session.add(user)
    with keeping(user):
        db.session.flush()  # gives them the id by which the trail knows them
        me, changes = user.as_subject, beginnings(user)
        if by_themselves:
            record("account.signed_up", me, actor=me, changes=changes)
        else:
            record("account.created", me, changes=changes)
        and_then(user)
        db.session.commit()


def save(user: User) -> None:
    """Commit. Raises Taken, naming the field and saying what to do, or Stale."""
    with keeping(user):
        db.session.commit()


@contextmanager
def keeping(user: User) -> Iterator[None]:
    """Turn what the database refuses into Taken, with two names that are free, or Stale."""
    name = user.username
    try:
        with answering({**TAKEN, "username": ""}):
            yield
    except Taken as taken:
        if taken.field != "username":
            raise
        raise Taken("username", f"{name} is taken. {suggestions(name)}") from taken


def beginnings(user: User) -> dict[str, tuple[str | None, str]]:
    """The tier and the standing that somebody new begins with, as the trail keeps them."""
    tier = {"tier": (None, user.tier.name)} if user.tier else {}
    return {**tier, "operator": ("no", "yes")} if user.is_superuser else {**tier}


def note_edit(user: User, before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """Put on record what an edit changes, a move to another tier apart; the caller commits."""
    changes = {field: (old, after[field]) for field, old in before.items() if old != after[field]}
    changes.pop("tier", None)  # note_move
    if changes:
        record("account.changed", user.as_subject, changes=changes)


def note_move(
    user: User, before: Tier | None, actor: Subject | None = None, detail: str = ""
) -> list[Event]:
    """Put on record that somebody was on the tier ``before``, if they moved; the caller commits."""
    if user.tier is before:
        return []
    changes = {"tier": (before.name if before else "", user.tier.name if user.tier else "")}
    undo = {"thing": "", "part": "tier", "before": known(before), "after": known(user.tier)}
    facts: dict[str, Any] = {"actor": actor, "detail": detail, "changes": changes, "undo": undo}
    return [record("tier.moved", user.as_subject, **facts)]


def known(tier: Tier | None) -> dict[str, Any] | None:
    """By what a tier is found again, whatever it is called by then."""
    return {"id": tier.id, "mark": tier.mark, "name": tier.name} if tier else None


def move(user: User, tier: Tier | None) -> None:
    """Commit a move to another tier. Raises Stale."""
    before = user.tier
    user.move_to(tier)
    note_move(user, before)
    save(user)


def let_go(tier: Tier) -> None:
    """Put on record that deleted people, should they be restored, come back without a tier."""
    gone = select(User).where(User.tier_id == tier.id, User.deleted_at.is_not(None))
    for user in db.session.scalars(gone).unique():
        user.move_to(None)
        note_move(user, tier)


BEFORE_DELETION.append(let_go)


def suggestions(name: str) -> str:
    """ "Try amara2 or amara3.": two usernames that are free."""
    stem = name[:18]
    taken = set(db.session.scalars(User.usernames_like(stem)))
    free = [f"{stem}{end}" for end in range(2, 100) if f"{stem}{end}" not in taken][:2]
    return f"Try {' or '.join(free)}." if free else "Choose another."


def check_version(user: User, version: str | None) -> None:
    """Raise Stale when the form was drawn from an older state of ``user``."""
    if version and version != str(user.version):
        raise Stale


def keep_somebody_in_charge(user: User, actor: User | None, deed: str) -> None:
    """Refuse to shut out oneself, or the last superuser, by any door."""
    if actor is not None and actor.id == user.id:
        raise Refused(f"You cannot {deed} your own account here.")
    keep_a_superuser(
        user, f"{user.name} is the last superuser. Make another one before you {deed} them."
    )


def keep_a_superuser(user: User, sentence: str) -> None:
    """Refuse with ``sentence`` to lose the last superuser; others who would lose one wait."""
    if not user.is_superuser:
        return
    db.session.execute(User.hold_superusers())
    others = User.superusers().where(User.id != user.id).limit(1)
    if db.session.scalar(others) is None:
        raise Refused(sentence)


def deactivate(user: User, actor: User | None = None) -> None:
    keep_somebody_in_charge(user, actor, "deactivate")
    if user.active:
        record("role.deactivated", user.as_subject)
    user.deactivate()
    save(user)


def activate(user: User) -> None:
    note_activation(user)
    user.activate()
    save(user)


def promote(user: User) -> None:
    """Make an operator of somebody who can sign in: they count as one who runs the place."""
    if user.state != "active":
        raise Refused(f"{user.name} cannot sign in yet, so they cannot become an operator.")
    if not user.is_superuser:
        record("role.promoted", user.as_subject, changes={"operator": ("no", "yes")})
    user.is_superuser = True
    save(user)


def demote(user: User, actor: User | None = None) -> None:
    keep_somebody_in_charge(user, actor, "demote")
    if user.is_superuser:
        record("role.demoted", user.as_subject, changes={"operator": ("yes", "no")})
    user.is_superuser = False
    save(user)


def require_reset(user: User, actor: User | None = None) -> None:
    """Trust the password no more: nobody comes in with it. Commits what the caller added, too."""
    if actor is not None and actor.id == user.id:
        raise Refused("Change your own password on the Security page.")
    if user.state != "active":
        raise Refused(f"{user.name} cannot sign in, so there is no password to reset.")
    keep_a_superuser(
        user, f"{user.name} is the last superuser. Make another one before you require a reset."
    )
    record("role.reset_required", user.as_subject)
    user.must_reset = True
    save(user)


def delete(user: User, actor: User | None = None) -> None:
    keep_somebody_in_charge(user, actor, "delete")
    user.delete()
    record("account.deleted", user.as_subject)
    save(user)


def leave(user: User) -> None:
    """Commit that somebody deletes their own account; their links do not come back with it."""
    keep_a_superuser(
        user, "You are the last superuser. Make another one before you delete your account."
    )
    db.session.execute(OneTimeToken.ended_for(user))
    user.delete()
    record("account.left", user.as_subject, actor=user.as_subject)
    save(user)


def erase(user: User, actor: User | None = None) -> None:
    """Commit that the row is gone for good, with whatever hangs on it; the trail stays."""
    keep_somebody_in_charge(user, actor, "delete")
    record("account.erased", user.as_subject)
    db.session.delete(user)
    save(user)


def note_activation(user: User) -> None:
    """Put on record that somebody who was shut out is let in; the caller does it."""
    if not user.active:
        record("role.activated", user.as_subject)


def restore(user: User) -> None:
    """Bring a deleted person back. Raises Refused when somebody else took their place by now."""
    name, username = user.name, user.username
    if user.is_deleted:
        record("account.restored", user.as_subject)
    user.restore()
    try:
        save(user)
    except Taken as taken:
        what = f"is {username}" if taken.field == "username" else "has the same email address"
        raise Refused(
            f"{name} cannot be restored: somebody else {what} by now. "
            "Rename or delete that account first."
        ) from taken
