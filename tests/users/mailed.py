"""What a worker mails, kept by a developer's machine."""

import re
from urllib.parse import urlsplit

from flask import Flask

from app.extensions import db
from app.mail.models import Mail
from tests.jobs.deeds import work_off


def mails(app: Flask) -> list[Mail]:
    """Let the worker do what waits; every mail so far, the oldest first."""
    work_off(app)
    with app.app_context():
        kept = [*db.session.scalars(Mail.newest())][::-1]
        db.session.expunge_all()
    return kept


def link_in(mail: Mail) -> str:
    """The path of the one link that a mail has, on the site it was asked for."""
    found = set(re.findall(r"https?://\S+", mail.text))
    assert len(found) == 1, mail.text
    parts = urlsplit(found.pop())
    assert parts.netloc == "localhost"
    return parts.path
