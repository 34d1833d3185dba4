"""How a move to another tier is taken back, by the deed that does it."""

from typing import Any

from app.audit.models import Event
from app.audit.undo import leads_to, undoes
from app.errors import Refused, Stale
from app.extensions import db
from app.tiers.models import Tier
from app.users import deeds
from app.users.models import User


@leads_to("user")
def user_of(event: Event) -> str:
    user = db.session.get(User, event.subject_id)
    return f"Open {user.name} to edit." if user else f"{event.subject_name} is not there any more."


@undoes("tier.moved")
def undo_move(event: Event) -> str:
    undo: dict[str, Any] = event.undo or {}
    user = db.session.get(User, event.subject_id)
    if user is None or not is_on(user, undo["after"]):
        raise Stale
    if user.is_deleted:
        raise Refused(f"{user.name} is deleted. Restore them first.")
    tier = tier_before(undo["before"])
    deeds.move(user, tier)
    return f"{user.name} is back on {tier.label if tier else 'no tier'}"


def is_on(user: User, known: dict[str, Any] | None) -> bool:
    """Whether that person is on the tier the trail knows, by whatever name; or on none."""
    if user.tier is None or known is None:
        return user.tier is None and known is None
    return (user.tier.id, user.tier.mark) == (known["id"], known["mark"])


def tier_before(known: dict[str, Any] | None) -> Tier | None:
    """The tier they were on, whatever it is called by now. Raises Refused when it is gone."""
    if known is None:
        return None
    tier = db.session.scalar(Tier.by_mark(known["id"], known["mark"]))
    if tier is None:
        raise Refused(f"The tier {known['name']} is gone. Bring it back first, or choose another.")
    return tier
