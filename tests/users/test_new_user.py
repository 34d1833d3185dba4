"""An operator adds a person, who will choose a password by a link."""

import re

import pytest
from flask import Flask

from app.database import now
from tests.people import Browser
from tests.users.saved import add, exists, saved

DORA = {"name": "Dora Dale", "username": "dora", "email": "dora@example.com", "tier": "free"}


def test_alice_adds_dora(app: Flask, alice: Browser) -> None:
    answer = alice.post("/users/new-user", DORA)

    assert (answer.status_code, answer.location) == (303, "/users/dora")
    dora = saved(app, "dora")
    assert (dora.name, dora.email, dora.tier and dora.tier.name) == (
        "Dora Dale",
        "dora@example.com",
        "free",
    )
    assert dora.state == "invited"
    assert dora.password_hash is None


def test_without_mail_the_page_offers_the_link_to_send(alice: Browser, without_mail: None) -> None:
    page = alice.post("/users/new-user", DORA, follow_redirects=True).text

    assert "Dora Dale added" in page
    assert "Dora Dale has no password yet." in page
    assert "/welcome/" in page


def test_htmx_is_sent_to_the_new_page(app: Flask, alice: Browser) -> None:
    answer = alice.htmx_post("/users/new-user", DORA)

    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/users/dora")
    assert exists(app, "dora")


def test_what_is_typed_is_tidied(app: Flask, alice: Browser) -> None:
    form = {"name": "  Dora   Dale ", "username": " dora ", "email": " Dora@Example.COM "}

    alice.post("/users/new-user", {**form, "tier": ""})

    dora = saved(app, "dora")
    assert (dora.name, dora.email, dora.tier) == ("Dora Dale", "dora@example.com", None)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "", "Enter a name"),
        ("name", "D", "Use 2 to 30 characters"),
        ("name", "D" * 31, "Use 2 to 30 characters"),
        ("username", "", "Enter a username"),
        ("username", "d", "Use 2 to 20 lower-case letters and digits"),
        ("username", "Dora", "Use 2 to 20 lower-case letters and digits"),
        ("username", "d" * 21, "Use 2 to 20 lower-case letters and digits"),
        ("username", "../bob", "Use 2 to 20 lower-case letters and digits"),
        ("username", "dora٣", "Use 2 to 20 lower-case letters and digits"),
        ("email", "", "Enter an email address"),
        ("email", "dora", "Enter an email address like name@example.com"),
        ("email", "a@b.example\nBcc: x@y.example", "Enter an email address like name@example.com"),
        ("email", "a" * 250 + "@b.example", "Use 254 characters or fewer"),
        ("tier", "gold", "Choose a tier from the list"),
    ],
)
def test_wrong_input_is_named_at_its_field_and_kept(
    app: Flask, alice: Browser, field: str, value: str, sentence: str
) -> None:
    form = {**DORA, field: value}

    page = alice.post("/users/new-user", form)
    part = alice.htmx_post("/users/new-user", form)

    for answer in (page, part):
        assert answer.status_code == 422
        assert f'id="{field}-error"' in answer.text
        assert sentence in answer.text
        assert len(re.findall(r"\bautofocus\b", answer.text)) == 1
    assert all(f'value="{DORA[name]}"' in part.text for name in DORA if name not in (field, "tier"))
    assert "<html" not in part.text
    assert not exists(app, "dora")


def test_a_taken_username_names_two_that_are_free(app: Flask, alice: Browser) -> None:
    add(app, "bob2")

    answer = alice.post("/users/new-user", {**DORA, "username": "bob"})

    assert answer.status_code == 422
    assert "bob is taken. Try bob3 or bob4." in answer.text
    assert len(re.findall(r"\bautofocus\b", answer.text)) == 1
    for free in ("bob3", "bob4"):
        form = {**DORA, "username": free, "email": f"{free}@example.com"}
        assert alice.post("/users/new-user", form).status_code == 303


def test_suggestions_for_the_longest_username_fit(app: Flask, alice: Browser) -> None:
    add(app, "d" * 20)

    answer = alice.post("/users/new-user", {**DORA, "username": "d" * 20})

    assert f"Try {'d' * 18}2 or {'d' * 18}3." in answer.text


@pytest.mark.parametrize("email", ["bob@example.com", "BOB@Example.com"])
def test_a_taken_address_is_refused_however_it_is_written(
    app: Flask, alice: Browser, email: str
) -> None:
    answer = alice.post("/users/new-user", {**DORA, "email": email})

    assert answer.status_code == 422
    assert "Another account already has this address" in answer.text
    assert not exists(app, "dora")


def test_the_name_and_address_of_a_deleted_person_can_be_taken(app: Flask, alice: Browser) -> None:
    add(app, "dora", "Old Dora", deleted_at=now())

    assert alice.post("/users/new-user", DORA).status_code == 303
    assert saved(app, "dora").name == "Dora Dale"


def test_the_empty_form_puts_the_focus_in_its_first_field(alice: Browser) -> None:
    text = alice.get("/users/new-user").text

    assert re.findall(r"<input[^>]*\bautofocus\b[^>]*>", text)[0].count('id="name"') == 1
    assert len(re.findall(r"\bautofocus\b", text)) == 1
