"""Who asked for work that only operators may ask for: looked up again when it is done."""

from app.audit.models import Subject
from app.extensions import db
from app.tasks import TaskFailed
from app.users.models import User


def operator(by: int) -> Subject:
    """The operator of that id, as the trail names them. Raises TaskFailed if they are none now."""
    user = db.session.get(User, by)
    if user is None or not (user.is_active and user.is_superuser):
        raise TaskFailed("Whoever asked for this is not an operator any more. Nothing was done.")
    return user.as_subject
