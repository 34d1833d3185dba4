"""TEST_NAME, TEST_EMAIL, TEST_USERNAME and TEST_PASSWORD: somebody for the tests of an adopter."""

import pytest
from flask import Flask

from app.config import Settings
from app.extensions import db
from app.users.models import User
from tests.people import Browser


def test_the_person_of_the_settings_signs_in(
    app: Flask, stranger: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_NAME", "Tess Tester")
    monkeypatch.setenv("TEST_EMAIL", "tess@example.com")
    monkeypatch.setenv("TEST_USERNAME", "tess")
    monkeypatch.setenv("TEST_PASSWORD", "a password for tests")
    settings = Settings(_env_file=None)
    assert settings.test_password is not None
    password = settings.test_password.get_secret_value()
    with app.app_context():
        user = User(name=settings.test_name, username=settings.test_username)
        user.email = str(settings.test_email)
        user.set_password(password)
        db.session.add(user)
        db.session.commit()

    answer = stranger.post("/sign-in", {"login": "tess@example.com", "password": password})

    assert (answer.status_code, answer.location) == (303, "/")
