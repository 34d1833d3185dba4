"""On a developer's machine without a mail server, the admin reads the mails on a page."""

import logging

import pytest
from flask import Flask

from tests.mailbox import link_in, mails_to
from tests.people import Browser


def test_alice_reads_what_would_be_sent(app: Flask, alice: Browser, stranger: Browser) -> None:
    stranger.post("/forgot", {"email": "bob@example.com"})
    mails_to(app, "bob@example.com")

    page = alice.get("/mail")

    assert page.status_code == 200
    assert "Choose a new password" in page.text
    assert "To bob@example.com" in page.text
    assert 'href="http://localhost/reset/' in page.text
    assert 'href="/mail"' in alice.get("/").text


def test_the_log_has_them_too(
    app: Flask, stranger: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    stranger.post("/forgot", {"email": "bob@example.com"})

    with caplog.at_level(logging.INFO, "app.mail.sending"):
        (mail,) = mails_to(app, "bob@example.com")

    said = [each.msg for each in caplog.records if isinstance(each.msg, dict)]
    (line,) = [each for each in said if each["event"] == "mail.kept"]
    assert (line["to"], line["subject"]) == ("bob@example.com", mail.subject)
    assert line["link"] == f"http://localhost{link_in(mail)}"


def test_before_the_first_mail_the_page_says_what_it_is_for(alice: Browser) -> None:
    assert "No mails yet" in alice.get("/mail").text


def test_nobody_else_reads_them(bob: Browser, stranger: Browser) -> None:
    assert bob.get("/mail").status_code == 403
    assert 'href="/mail"' not in bob.get("/").text
    assert stranger.get("/mail").location.startswith("/sign-in")


def test_where_mails_are_sent_there_is_no_such_page(app: Flask, alice: Browser) -> None:
    settings = app.config["SETTINGS"]
    for update in ({"smtp_host": "mail.example.org"}, {"environment": "staging"}):
        app.config["SETTINGS"] = settings.model_copy(update=update)
        try:
            assert alice.get("/mail").status_code == 404
            assert 'href="/mail"' not in alice.get("/").text
        finally:
            app.config["SETTINGS"] = settings
