"""Who is signed in, to be changed by themselves."""

from flask_login import current_user

from app.extensions import db
from app.users.models import User


def myself() -> User:
    """The row of whoever is signed in; ``current_user`` only stands for it."""
    return db.session.get_one(User, current_user.id)
