"""Writing mails and handing them to the mail server; on a developer's machine they are kept."""

import hashlib
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formataddr, formatdate, make_msgid

import structlog
from flask import current_app, render_template, request

from app.config import Settings
from app.counters import Window
from app.extensions import counters, db
from app.mail.models import Mail
from app.tasks import Task, TaskFunction, task

log = structlog.get_logger()

PATIENCE_SECONDS = 15
MOST_PER_HOUR = 5


@dataclass(frozen=True)
class Letter:
    """What is said to whom: paragraphs, with at most one thing to press."""

    to: str
    subject: str
    greeting: str
    before: tuple[str, ...]
    link: str = ""
    label: str = ""
    after: tuple[str, ...] = ()


def mail_task(title: str) -> Callable[[TaskFunction], Task]:
    """Declare a task that sends mails: by our own code only, for ten minutes or so should the mail
    server be away.
    """
    return task(title, by_hand=False, attempts=8, queue="mail")


def link_to(site: str, endpoint: str, **values: str) -> str:
    """The whole address of a door, made where there is no request; ``site`` is ``this_site()``."""
    path = current_app.url_map.bind("localhost").build(endpoint, values)
    return site.rstrip("/") + path


def this_site() -> str:
    """The address of this site for mailed links, with a slash at its end."""
    settings: Settings = current_app.config["SETTINGS"]
    return settings.public_url or request.url_root


def has_mail() -> bool:
    """Whether mails reach anybody from here."""
    settings: Settings = current_app.config["SETTINGS"]
    return settings.has_mail


def is_flooded(address: str, kind: str) -> bool:
    """Whether others made us write to ``address`` often enough in this hour; counts this time.

    Counted without telling whoever asks, so that nobody is locked out or learns anything. Each
    kind of mail apart: mails that nobody waits for must not use up those that let people in.
    """
    window = Window.at(counters.now(), 3600)
    key = hashlib.sha256(address.lower().encode()).hexdigest()
    return counters.take(f"mails/{kind}/{key}", window, MOST_PER_HOUR) > MOST_PER_HOUR


def send(letter: Letter) -> None:
    """Hand ``letter`` over. Raises SMTPException or OSError when the server does not take it.

    Without a mail server in ``local`` it goes to the log and to the page /mail; the caller commits.
    """
    settings: Settings = current_app.config["SETTINGS"]
    text = render_template("mail/letter.txt", letter=letter, settings=settings)
    html = render_template("mail/letter.html", letter=letter, settings=settings)
    if settings.keeps_mail:
        db.session.add(Mail(to=letter.to, subject=letter.subject, text=text, html=html))
        log.info("mail.kept", to=letter.to, subject=letter.subject, link=letter.link)
        return
    if settings.smtp_host is None:
        log.warning("mail.not_sent", reason="SMTP_HOST is not set", subject=letter.subject)
        return
    hand_over(message(letter, text, html, settings), settings)
    log.info("mail.sent", subject=letter.subject)


def message(letter: Letter, text: str, html: str, settings: Settings) -> EmailMessage:
    """Plain text with HTML beside it (RFC 2046, multipart/alternative)."""
    sender = str(settings.mail_from)
    mail = EmailMessage()
    mail["From"] = formataddr((settings.app_name, sender))
    mail["To"] = letter.to
    mail["Subject"] = letter.subject
    mail["Date"] = formatdate()
    mail["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation answers, please
    mail.set_content(text)
    mail.add_alternative(html, subtype="html")
    return mail


def hand_over(mail: EmailMessage, settings: Settings) -> None:
    host, port = str(settings.smtp_host), settings.smtp_port
    context = ssl.create_default_context()
    if settings.smtp_security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            host, port, timeout=PATIENCE_SECONDS, context=context
        )
    else:
        server = smtplib.SMTP(host, port, timeout=PATIENCE_SECONDS)
    with server:
        if settings.smtp_security == "starttls":
            server.starttls(context=context)
        if settings.smtp_username and settings.smtp_password:
            server.login(settings.smtp_username, settings.smtp_password.get_secret_value())
        server.send_message(mail)
