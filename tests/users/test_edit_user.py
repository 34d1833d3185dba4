"""An operator edits a person in the row of the list, or on a page of its own."""

import html
import re

import pytest
from flask import Flask

from app.database import now
from tests.auth.coming_in import let_pass
from tests.people import PASSWORD, Browser, undo_of
from tests.users.saved import add, change, saved

LIST = "/users?q=example&tier=free&sort=name"
BOB = {"name": "Bob Baker", "username": "bob", "email": "bob@example.com", "tier": "free"}


def focused(text: str) -> list[str]:
    """The ids of what takes the focus."""
    return re.findall(r' id="([\w-]+)"', " ".join(re.findall(r"<[^>]*\bautofocus\b[^>]*>", text)))


def hidden(text: str, name: str) -> str:
    """The value of a hidden field."""
    field = re.search(rf'<input[^>]*name="{name}"[^>]*>', text)
    assert field, text
    return html.unescape(re.search(r'value="([^"]*)"', field[0])[1])


def test_the_editor_opens_in_the_row(app: Flask, alice: Browser) -> None:
    answer = alice.htmx_get("/users/bob/edit")

    bob = saved(app, "bob")
    assert answer.status_code == 200
    assert f'id="user-{bob.id}"' in answer.text
    assert "<html" not in answer.text
    assert focused(answer.text) == [f"name-{bob.id}"]
    assert hidden(answer.text, "version") == str(bob.version)
    assert all(f'value="{BOB[name]}"' in answer.text for name in ("name", "username", "email"))
    assert '<option selected value="free">' in answer.text


def test_leaving_the_editor_gives_the_row_back(app: Flask, alice: Browser) -> None:
    answer = alice.htmx_get("/users/bob/row")

    assert "Bob Baker" in answer.text
    assert focused(answer.text) == [f"edit-{saved(app, 'bob').id}"]
    assert "<html" not in answer.text


def test_a_row_is_no_page(alice: Browser) -> None:
    assert alice.get("/users/bob/row").location == "/users?q=bob"


def test_htmx_gets_the_row_and_a_toast(app: Flask, alice: Browser) -> None:
    answer = alice.htmx_post("/users/bob", {**BOB, "name": "Bob Brown", "tier": "pro"})

    bob = saved(app, "bob")
    assert answer.status_code == 200
    assert (bob.name, bob.tier and bob.tier.name) == ("Bob Brown", "pro")
    assert "Bob Brown saved" in answer.text
    assert focused(answer.text) == [f"edit-{bob.id}"]
    assert "<html" not in answer.text


def test_saving_what_the_editor_shows_changes_nothing(app: Flask, alice: Browser) -> None:
    before = saved(app, "bob")

    alice.htmx_post("/users/bob", {**BOB, "version": str(before.version)})

    after = saved(app, "bob")
    assert (after.version, after.tier_id) == (before.version, before.tier_id)


def test_without_script_the_way_leads_back_to_the_list_with_its_filters(
    app: Flask, alice: Browser
) -> None:
    page = alice.get("/users/bob/edit", headers={"Referer": f"http://localhost{LIST}"})
    back = hidden(page.text, "back")

    answer = alice.post("/users/bob", {**BOB, "name": "Bob Brown", "back": back})

    assert "<html" in page.text
    assert len(focused(page.text)) == 1
    assert html.escape(LIST) in page.text
    assert (answer.status_code, answer.location) == (303, LIST)
    assert saved(app, "bob").name == "Bob Brown"
    assert "Bob Brown saved" in alice.get(LIST).text


def test_the_list_opens_an_editor_by_its_address(alice: Browser) -> None:
    page = alice.get(f"{LIST}&edit=bob").text

    assert hidden(page, "back") == LIST
    assert 'aria-label="Edit Bob Baker"' in page


def test_the_list_opens_no_editor_for_the_deleted(app: Flask, alice: Browser) -> None:
    add(app, "gone", deleted_at=now())

    assert 'class="editor"' not in alice.get("/users?state=deleted&edit=gone").text


def test_from_the_page_of_a_person_the_way_leads_back_there_even_renamed(alice: Browser) -> None:
    page = alice.get("/users/bob/edit", headers={"Referer": "http://localhost/users/bob"})

    answer = alice.post(
        "/users/bob", {**BOB, "username": "robert", "back": hidden(page.text, "back")}
    )

    assert answer.location == "/users/robert"


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "javascript:alert(1)"])
def test_no_form_leads_to_another_site(alice: Browser, back: str) -> None:
    refused = alice.post("/users/bob", {**BOB, "name": "", "back": back})
    answer = alice.post("/users/bob", {**BOB, "back": back})

    assert "evil" not in refused.text
    assert "javascript" not in refused.text
    assert answer.location == "/users/bob"


@pytest.mark.parametrize(
    ("changes", "wrong", "sentence"),
    [
        ({"name": "B"}, "name", "Use 2 to 30 characters"),
        ({"username": "Bob!"}, "username", "Use 2 to 20 lower-case letters and digits"),
        ({"email": "bob"}, "email", "Enter an email address like name@example.com"),
        ({"tier": "gold"}, "tier", "Choose a tier from the list"),
        ({"email": "", "username": ""}, "username", "Enter a username"),
        ({"username": "carol"}, "username", "carol is taken. Try carol2 or carol3."),
        ({"email": "carol@example.com"}, "email", "Another account already has this address"),
    ],
)
def test_wrong_input_is_named_and_kept(
    app: Flask, alice: Browser, changes: dict[str, str], wrong: str, sentence: str
) -> None:
    form = {**BOB, "name": "Bob Brown", **changes}

    part = alice.htmx_post("/users/bob", form)
    page = alice.post("/users/bob", form)

    bob = saved(app, "bob")
    assert (part.status_code, page.status_code) == (422, 422)
    assert sentence in part.text
    assert sentence in page.text
    assert focused(part.text) == [f"{wrong}-{bob.id}"]
    assert focused(page.text) == ["error-summary"]
    for name in ("name", "username", "email"):
        assert f'value="{form[name]}"' in part.text or not form[name]
    assert "<html" not in part.text
    assert (bob.name, bob.username, bob.email) == ("Bob Baker", "bob", "bob@example.com")


def test_two_at_once_see_both_values_and_the_second_save_works(app: Flask, alice: Browser) -> None:
    version = hidden(alice.htmx_get("/users/bob/edit").text, "version")
    change(app, "bob", name="Bob Brown", tier="pro")

    conflict = alice.htmx_post("/users/bob", {**BOB, "name": "Bob Black", "version": version})

    assert conflict.status_code == 409
    assert "Bob Brown was changed by somebody else." in conflict.text
    assert "Name is now “Bob Brown”" in conflict.text
    assert "Tier is now “pro”" in conflict.text
    assert 'value="Bob Black"' in conflict.text
    assert len(focused(conflict.text)) == 1
    assert saved(app, "bob").name == "Bob Brown"

    version = hidden(conflict.text, "version")
    again = alice.htmx_post("/users/bob", {**BOB, "name": "Bob Black", "version": version})

    assert again.status_code == 200
    assert saved(app, "bob").name == "Bob Black"


def test_two_at_once_without_script(app: Flask, alice: Browser) -> None:
    version = hidden(alice.get("/users/bob/edit").text, "version")
    change(app, "bob", name="Bob Brown")

    conflict = alice.post("/users/bob", {**BOB, "name": "Bob Black", "version": version})

    assert conflict.status_code == 409
    assert "Name is now “Bob Brown”" in conflict.text
    assert hidden(conflict.text, "version") == str(saved(app, "bob").version)
    assert len(focused(conflict.text)) == 1


def test_undo_brings_back_what_was(app: Flask, alice: Browser) -> None:
    changed = {"name": "Rob", "username": "rob", "email": "rob@example.com", "tier": "pro"}
    address, fields = undo_of(alice.htmx_post("/users/bob", changed).text)

    answer = alice.post(address, fields, follow_redirects=True)

    bob = saved(app, "bob")
    assert "Bob Baker is as before" in answer.text
    assert {
        "name": bob.name,
        "username": bob.username,
        "email": bob.email,
        "tier": bob.tier and bob.tier.name,
    } == BOB


def test_undo_works_without_script_too(app: Flask, alice: Browser) -> None:
    page = alice.post("/users/bob", {**BOB, "name": "Rob"}, follow_redirects=True)

    address, fields = undo_of(page.text)
    alice.post(address, fields)

    assert saved(app, "bob").name == "Bob Baker"


def test_undo_comes_too_late_once_it_changed_again(app: Flask, alice: Browser) -> None:
    address, fields = undo_of(alice.htmx_post("/users/bob", {**BOB, "name": "Rob"}).text)
    change(app, "bob", name="Robert")

    answer = alice.htmx_post(address, fields)

    assert answer.status_code == 204
    assert "This changed again since. Open Robert to edit." in alice.get("/users/bob").text
    assert saved(app, "bob").name == "Robert"


def test_undo_comes_too_late_once_the_name_is_taken(app: Flask, alice: Browser) -> None:
    address, fields = undo_of(alice.htmx_post("/users/bob", {**BOB, "username": "rob"}).text)
    add(app, "bob", email="another@example.com")

    answer = alice.htmx_post(address, fields)

    assert answer.status_code == 204
    assert "This changed again since. Open Bob Baker to edit." in alice.get("/users/rob").text
    assert saved(app, "rob").name == "Bob Baker"


def test_a_renamed_person_stays_signed_in_and_keeps_their_counts(
    app: Flask, alice: Browser, bob: Browser
) -> None:
    bob.post("/tasks", {"task": "demonstration"})

    alice.post("/users/bob", {**BOB, "username": "rob"})

    assert bob.get("/").status_code == 200
    assert "Limit reached" in alice.get("/users/rob").text


def test_somebody_deleted_meanwhile_is_a_404(app: Flask, alice: Browser) -> None:
    change(app, "bob", deleted_at=now())

    for answer in (
        alice.htmx_get("/users/bob/edit"),
        alice.htmx_get("/users/bob/row"),
        alice.htmx_post("/users/bob", BOB),
        alice.post("/users/bob/tier", {"tier": "pro"}),
    ):
        assert answer.status_code == 404


def test_another_address_asks_for_the_password_first(app: Flask, alice: Browser) -> None:
    let_pass(app, 10, "alice")
    changes = {**BOB, "email": "mine@example.com"}

    asked = alice.htmx_post("/users/bob", changes)

    assert asked.status_code == 403
    assert "Confirm it is you" in asked.text
    assert saved(app, "bob").email == "bob@example.com"
    assert alice.post("/users/bob", {**BOB, "name": "Bobby Baker"}).status_code == 303
    alice.post("/users/bob", {**changes, "confirm_password": PASSWORD})
    assert saved(app, "bob").email == "mine@example.com"
