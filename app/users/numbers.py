"""Nobody new gets the number of somebody who was erased: what is on record of one is not the
other's.

PostgreSQL never gives a number out again; SQLite does, if it was the highest.
"""

from typing import Any

from sqlalchemy import event, false, func, select, update
from sqlalchemy.orm import Session

from app.audit.models import Event
from app.extensions import db
from app.users.models import User


@event.listens_for(db.session, "before_flush")
def go_past_the_erased(session: Session, _context: Any, _instances: Any) -> None:
    """Whoever is erased is on record under their number, later than all else of them."""
    new = [each for each in session.new if isinstance(each, User) and each.id is None]
    connection = session.connection() if new else None
    if connection is None or connection.dialect.name != "sqlite":
        return
    # Changes nothing, but whoever else adds people waits until this is done.
    connection.execute(update(User).where(false()).values(id=User.id))
    erased = select(func.max(Event.subject_id)).where(Event.subject_kind == "user")
    known = connection.scalar(erased) or 0
    highest = connection.scalar(select(func.max(User.id))) or 0
    if known > highest:
        for number, user in enumerate(new, known + 1):
            user.id = number
