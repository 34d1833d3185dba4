"""An operator shuts a person out and lets them in again; the data stays."""

from flask import Flask

from tests.people import Browser, undo_of
from tests.users.saved import change, saved


def test_alice_deactivates_bob(app: Flask, alice: Browser, bob: Browser) -> None:
    answer = alice.post("/users/bob/deactivate")

    assert (answer.status_code, answer.location) == (303, "/users/bob")
    assert saved(app, "bob").state == "deactivated"
    assert bob.get("/").status_code == 303


def test_the_way_leads_back_to_where_it_was_done(alice: Browser) -> None:
    there = "/users?q=bob&tier=free"

    answer = alice.post("/users/bob/deactivate", headers={"Referer": f"http://localhost{there}"})

    assert answer.location == there


def test_another_site_is_no_place_to_go_back_to(alice: Browser) -> None:
    for place in ("http://evil.example/users", "http://[", "http://localhost//evil.example"):
        answer = alice.post("/users/bob/deactivate", headers={"Referer": place})

        assert answer.location == "/users/bob"


def test_htmx_is_sent_to_the_page_again(app: Flask, alice: Browser) -> None:
    answer = alice.htmx_post("/users/bob/deactivate")

    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/users/bob")
    assert not saved(app, "bob").active


def test_undo_lets_bob_in_again(app: Flask, alice: Browser) -> None:
    page = alice.post("/users/bob/deactivate", follow_redirects=True).text
    address, fields = undo_of(page)

    answer = alice.post(address, fields, follow_redirects=True)

    assert "Bob Baker deactivated" in page
    assert "Bob Baker is active again" in answer.text
    assert saved(app, "bob").state == "active"


def test_alice_activates_bob(app: Flask, alice: Browser) -> None:
    change(app, "bob", active=False)

    answer = alice.post("/users/bob/activate")

    assert answer.status_code == 303
    assert saved(app, "bob").state == "active"


def test_twice_is_as_good_as_once(app: Flask, alice: Browser) -> None:
    for _ in range(2):
        assert alice.post("/users/bob/deactivate").status_code == 303
    assert saved(app, "bob").state == "deactivated"

    for _ in range(2):
        assert alice.post("/users/bob/activate").status_code == 303
    assert saved(app, "bob").state == "active"


def test_tier_and_password_survive(app: Flask, alice: Browser) -> None:
    before = saved(app, "bob")

    alice.post("/users/bob/deactivate")
    alice.post("/users/bob/activate")

    after = saved(app, "bob")
    assert (after.tier_id, after.password_hash) == (before.tier_id, before.password_hash)
