"""An account holder says who they are and how pages look for them."""

import html
import re
from datetime import UTC, datetime

import pytest
from flask import Flask

from tests.audit.kept import kept, only
from tests.jobs.deeds import change as change_job
from tests.jobs.deeds import start
from tests.people import Browser, undo_of
from tests.users.saved import change, everything, saved

BOB = {"name": "Bob Baker", "username": "bob", "picture": ""}
LOOK = {"theme": "", "time_zone": "UTC", "keys": "y"}
PICTURE = "https://pictures.example/bob.png"


def hidden(text: str, name: str) -> str:
    field = re.search(rf'<input[^>]*name="{name}"[^>]*>', text)
    assert field, text
    found = re.search(r'value="([^"]*)"', field[0])
    return html.unescape(found[1]) if found else ""


def test_a_stranger_is_asked_to_sign_in(app: Flask, stranger: Browser) -> None:
    before = everything(app)

    assert stranger.get("/profile").location == "/sign-in?next=/profile"
    for path in ("/profile", "/profile/look", "/profile/email", "/profile/confirm-email"):
        assert stranger.post(path, BOB).location.startswith("/sign-in")
    assert everything(app) == before


def test_bob_changes_name_username_and_picture(app: Flask, bob: Browser) -> None:
    version = hidden(bob.get("/profile").text, "version")
    form = {"name": "Rob Baker", "username": "rob", "picture": PICTURE, "version": version}

    answer = bob.post("/profile", form)

    rob = saved(app, "rob")
    assert (answer.status_code, answer.location) == (303, "/profile")
    assert (rob.name, rob.profile_image_url) == ("Rob Baker", PICTURE)
    page = bob.get("/profile").text
    assert "Your profile is saved" in page
    assert f'href="{PICTURE}"' in page
    assert "<img" not in page
    event = only(app)
    assert (event.action, event.actor_id, event.subject_id) == ("account.changed", rob.id, rob.id)
    assert event.changes["username"] == ["bob", "rob"]


def test_htmx_gets_the_whole_page_again(app: Flask, bob: Browser) -> None:
    answer = bob.htmx_post("/profile", {**BOB, "name": "Rob Baker"})

    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/profile")
    assert saved(app, "bob").name == "Rob Baker"


def test_nothing_but_the_own_profile_can_be_changed_here(app: Flask, mallory: Browser) -> None:
    more = {"id": saved(app, "bob").id, "is_superuser": "y", "tier": "pro", "email": "m@evil.io"}

    mallory.post("/profile", {"name": "Mallory", "username": "mallory", **more})
    mallory.post("/profile/look", {**LOOK, **more})

    mine = saved(app, "mallory")
    assert (mine.name, mine.is_superuser, mine.email) == ("Mallory", False, "mallory@example.com")
    assert mine.tier is not None
    assert mine.tier.name == "free"
    assert saved(app, "bob").name == "Bob Baker"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "B"}, "Use 2 to 30 characters"),
        ({"username": "carol"}, "carol is taken. Try carol2 or carol3."),
        ({"picture": "javascript:alert(1)"}, "Enter an address that starts with https://"),
    ],
)
def test_wrong_input_is_named_and_kept(
    app: Flask, bob: Browser, changes: dict[str, str], sentence: str
) -> None:
    page = bob.post("/profile", {**BOB, **changes})
    part = bob.htmx_post("/profile", {**BOB, **changes})

    assert (page.status_code, part.status_code) == (422, 422)
    for text in (page.text, part.text):
        assert sentence in text
        assert f'value="{next(iter(changes.values()))}"' in text
        assert len(re.findall(r"\bautofocus\b", text)) == 1
    assert "<html" not in part.text
    assert 'href="javascript' not in page.text
    assert saved(app, "bob").username == "bob"
    assert kept(app) == []


def test_two_at_once_see_both_values_and_the_second_save_works(app: Flask, bob: Browser) -> None:
    version = hidden(bob.get("/profile").text, "version")
    change(app, "bob", name="Bob Brown")

    conflict = bob.htmx_post("/profile", {**BOB, "name": "Bob Black", "version": version})

    assert conflict.status_code == 409
    assert "Name is now “Bob Brown”" in conflict.text
    assert len(re.findall(r"\bautofocus\b", conflict.text)) == 1
    assert saved(app, "bob").name == "Bob Brown"
    again = {**BOB, "name": "Bob Black", "version": hidden(conflict.text, "version")}
    assert bob.post("/profile", again).status_code == 303
    assert saved(app, "bob").name == "Bob Black"


def test_undo_brings_back_what_was_unless_it_changed_again(app: Flask, bob: Browser) -> None:
    changed = {"name": "Rob", "username": "rob", "picture": PICTURE}
    undo = undo_of(bob.post("/profile", changed, follow_redirects=True).text)

    page = bob.post(*undo, follow_redirects=True).text

    assert "Your profile is as before" in page
    assert (saved(app, "bob").name, saved(app, "bob").profile_image_url) == ("Bob Baker", None)
    assert "This changed again since." in bob.post(*undo, follow_redirects=True).text


def test_a_time_on_the_page_moves_with_the_zone(app: Flask, bob: Browser) -> None:
    job = start(app, "demonstration")
    change_job(app, job, created_at=datetime(2026, 1, 15, 12, tzinfo=UTC))
    assert "15 Jan 12:00" in bob.get("/tasks").text

    bob.post("/profile/look", {**LOOK, "time_zone": "Asia/Tokyo"})

    assert "15 Jan 21:00" in bob.get("/tasks").text
    assert "15 Jan 12:00" not in bob.get("/tasks").text


def test_theme_and_keys_count_from_the_next_page(app: Flask, bob: Browser) -> None:
    assert "data-theme" not in bob.get("/").text

    answer = bob.post("/profile/look", {"theme": "dark", "time_zone": "UTC"})

    assert answer.location == "/profile"
    page = bob.get("/profile").text
    assert '<html lang="en" data-theme="dark" data-keys="off">' in page
    assert 'selected value="dark"' in page
    assert saved(app, "bob").keys_off
    bob.htmx_post("/profile/look", LOOK)
    assert '<html lang="en">' in bob.get("/").text


@pytest.mark.parametrize(
    "changes", [{"theme": "pink"}, {"time_zone": "Mars/Olympus"}, {"time_zone": "../etc/passwd"}]
)
def test_only_what_is_listed_can_be_chosen(
    app: Flask, bob: Browser, changes: dict[str, str]
) -> None:
    page = bob.post("/profile/look", {**LOOK, **changes})
    part = bob.htmx_post("/profile/look", {**LOOK, **changes})

    assert (page.status_code, part.status_code) == (422, 422)
    assert "Choose one from the list" in part.text
    assert len(re.findall(r"\bautofocus\b", page.text)) == 1
    assert (saved(app, "bob").theme, saved(app, "bob").time_zone) == (None, "UTC")


def test_a_zone_that_is_no_usual_one_stays_on_offer(app: Flask, bob: Browser) -> None:
    change(app, "bob", time_zone="Etc/GMT+5")

    assert 'selected value="Etc/GMT+5"' in bob.get("/profile").text
    assert bob.post("/profile/look", {**LOOK, "time_zone": "Etc/GMT+5"}).status_code == 303
