"""What operators do to people, with the rules that every door keeps."""

from app.errors import Refused, Stale, Taken, answering
from app.extensions import db
from app.users.models import User

TAKEN = {"email": "Another account already has this address"}


def save(user: User) -> None:
    """Commit. Raises Taken, naming the field and saying what to do, or Stale."""
    name = user.username
    try:
        with answering({**TAKEN, "username": ""}):
            db.session.commit()
    except Taken as taken:
        if taken.field != "username":
            raise
        raise Taken("username", f"{name} is taken. {suggestions(name)}") from taken


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
    if not user.is_superuser:
        return
    db.session.execute(User.hold_superusers())
    others = User.superusers().where(User.id != user.id).limit(1)
    if db.session.scalar(others) is None:
        raise Refused(
            f"{user.name} is the last superuser. Make another one before you {deed} them."
        )


def deactivate(user: User, actor: User | None = None) -> None:
    keep_somebody_in_charge(user, actor, "deactivate")
    user.deactivate()
    save(user)


def activate(user: User) -> None:
    user.activate()
    save(user)


def delete(user: User, actor: User | None = None) -> None:
    keep_somebody_in_charge(user, actor, "delete")
    user.delete()
    save(user)


def restore(user: User) -> None:
    """Bring a deleted person back. Raises Refused when somebody else took their place by now."""
    name, username = user.name, user.username
    user.restore()
    try:
        save(user)
    except Taken as taken:
        what = f"is {username}" if taken.field == "username" else "has the same email address"
        raise Refused(
            f"{name} cannot be restored: somebody else {what} by now. "
            "Rename or delete that account first."
        ) from taken
