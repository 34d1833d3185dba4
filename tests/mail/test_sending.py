"""Mails reach a real mail server; without one a developer's machine keeps them."""

import smtplib
import ssl
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from flask import Flask
from sqlalchemy import select

from app.config import load_settings
from app.extensions import db
from app.jobs.models import Job
from app.mail.models import Mail
from app.mail.sending import Letter, send
from tests.conftest import KEY
from tests.copies import free_port
from tests.mailbox import mails_to, work
from tests.people import Browser

LETTER = Letter(
    to="bob@example.com",
    subject="Choose a new password",
    greeting="Bob <b>Baker</b>",
    before=("Line one & more.",),
    link="http://localhost/reset/x?a=1&b=2",
    label="Choose",
    after=("If this was not you, do nothing.",),
)


class Inbox:
    """What a mail server took; it refuses while ``refuses`` says so."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.logins: list[tuple[bytes, bytes]] = []
        self.refuses = False

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if self.refuses:
            return "451 Try later"
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 Taken"

    def check(
        self, _server: Any, _session: Any, _envelope: Any, _how: str, data: Any
    ) -> AuthResult:
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"secret of the mail server")


@pytest.fixture(scope="module")
def inbox() -> Iterator[tuple[Inbox, int]]:
    inbox, port = Inbox(), free_port()
    server = Controller(
        inbox, hostname="127.0.0.1", port=port, authenticator=inbox.check, auth_require_tls=False
    )
    server.start()
    try:
        yield inbox, port
    finally:
        server.stop()


@pytest.fixture
def smtp(app: Flask, inbox: tuple[Inbox, int]) -> Iterator[Inbox]:
    """The application sends to a real mail server, with an account on it."""
    taken, port = inbox
    taken.mails.clear()
    taken.refuses = False
    settings = app.config["SETTINGS"]
    given = {"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_security": "none"}
    account = {"smtp_username": "gatehouse", "smtp_password": "secret of the mail server"}
    mine = {"mail_from": "door@example.org", "contact_email": "help@example.org"}
    values = {**given, **account, **mine, "data_dir": settings.data_dir}
    app.config["SETTINGS"] = load_settings(_env_file=None, secret_key=KEY, **values)
    try:
        yield taken
    finally:
        app.config["SETTINGS"] = settings


def test_a_mail_is_text_with_html_beside_it(app: Flask, smtp: Inbox) -> None:
    with app.app_context():
        send(LETTER)
        assert db.session.scalars(select(Mail)).all() == []

    (mail,) = smtp.mails
    assert mail["To"] == "bob@example.com"
    assert mail["From"] == "Gatehouse <door@example.org>"
    assert mail["Subject"] == "Choose a new password"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"].endswith("@example.org>")
    text, html = (part.get_content() for part in mail.iter_parts())
    assert "Hello Bob <b>Baker</b>," in text
    assert "http://localhost/reset/x?a=1&b=2" in text
    assert "help@example.org" in text
    assert "Bob &lt;b&gt;Baker&lt;/b&gt;" in html
    assert 'href="http://localhost/reset/x?a=1&amp;b=2"' in html
    assert smtp.logins[-1] == (b"gatehouse", b"secret of the mail server")


def test_nobody_adds_headers_by_a_name(app: Flask, smtp: Inbox) -> None:
    evil = Letter("bob@example.com", "Hi\r\nBcc: mallory@example.com", "Bob", ("x",))

    with app.app_context(), pytest.raises(ValueError, match=r"newline|linefeed|carriage return"):
        send(evil)

    assert smtp.mails == []


def test_a_wish_for_a_new_password_arrives_by_mail(
    app: Flask, stranger: Browser, smtp: Inbox
) -> None:
    stranger.post("/forgot", {"email": "bob@example.com"})
    assert work(app) == ["succeeded"]

    (mail,) = smtp.mails
    assert "/reset/" in mail.get_body(("plain",)).get_content()
    assert mails_to(app, "bob@example.com") == []


def test_a_mail_that_was_not_taken_is_tried_again(
    app: Flask, stranger: Browser, smtp: Inbox
) -> None:
    smtp.refuses = True
    stranger.post("/forgot", {"email": "bob@example.com"})
    assert work(app) == ["queued"]

    smtp.refuses = False
    with app.app_context():
        job = db.session.scalars(select(Job)).one()
        assert job.run_at > job.created_at
        job.run_at = job.created_at
        db.session.commit()
    assert work(app) == ["succeeded"]
    assert len(smtp.mails) == 1


def test_encryption_that_the_server_does_not_have_is_not_done_without(
    app: Flask, smtp: Inbox
) -> None:
    for security, problem in (("starttls", smtplib.SMTPNotSupportedError), ("tls", ssl.SSLError)):
        settings = app.config["SETTINGS"].model_copy(update={"smtp_security": security})
        app.config["SETTINGS"] = settings
        with app.app_context(), pytest.raises(problem):
            send(LETTER)

    assert smtp.mails == []


def test_without_a_server_only_a_developers_machine_keeps_mails(app: Flask) -> None:
    settings = app.config["SETTINGS"]
    with app.app_context():
        send(LETTER)
        db.session.commit()
        app.config["SETTINGS"] = settings.model_copy(update={"environment": "production"})
        try:
            send(LETTER)
        finally:
            app.config["SETTINGS"] = settings
        db.session.commit()
        assert len(db.session.scalars(select(Mail)).all()) == 1
