"""The mails that were kept, after the worker's part was done: as people get them."""

import re
from urllib.parse import urlsplit

from flask import Flask
from sqlalchemy import select

from app.extensions import db
from app.jobs.engine import run
from app.jobs.models import Job
from app.mail.models import Mail


def work(app: Flask) -> list[str]:
    """Run every queued job, as a worker would; returns how each ended."""
    with app.app_context():
        for identifier in db.session.scalars(select(Job.id).where(Job.status == "queued")).all():
            run(identifier)
        return list(db.session.scalars(select(Job.status).order_by(Job.created_at)))


def mails_to(app: Flask, address: str) -> list[Mail]:
    """What came to ``address`` once the worker was through, the oldest first."""
    work(app)
    with app.app_context():
        mails = list(db.session.scalars(select(Mail).where(Mail.to == address).order_by(Mail.id)))
        db.session.expunge_all()
        return mails


def link_in(mail: Mail) -> str:
    """The path of the first link in the mail."""
    found = re.search(r"https?://\S+", mail.text)
    assert found, mail.text
    return urlsplit(found.group()).path


def link_to(app: Flask, address: str) -> str:
    """The path of the link in the last mail to ``address``."""
    return link_in(mails_to(app, address)[-1])
