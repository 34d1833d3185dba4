"""Everybody sees where they are signed in and ends what they like; operators do it for others."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.audit.models import Event
from app.auth.devices import device
from app.auth.models import Session
from app.database import now
from app.extensions import db
from tests.audit.kept import kept, told
from tests.auth.coming_in import is_in, sessions_of
from tests.auth.programs import Program
from tests.people import Browser
from tests.users.saved import change, everything

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0"


def signed_in_with(app: Flask, username: str, **values: Any) -> tuple[Browser, int]:
    """One more browser of a person, and the number of its session, stored as ``values`` say."""
    browser = Browser(app, username)
    number = sessions_of(app, username)[-1].id
    if not values:
        return browser, number
    with app.app_context():
        db.session.execute(update(Session).where(Session.id == number).values(**values))
        db.session.commit()
    return browser, number


def items(html: str) -> dict[int, str]:
    """Each session that is shown, as its words."""
    found = re.findall(r'<li id="session-(\d+)">(.*?)</li>', html, re.S)
    return {int(number): " ".join(re.sub("<[^>]+>", " ", item).split()) for number, item in found}


def focused(html: str) -> str:
    """The id of the one element that takes the focus."""
    assert html.count(" autofocus") == 1
    found = re.search(r'id="([^"]+)"[^>]* autofocus', html)
    assert found
    return found.group(1)


def recorded(app: Flask) -> list[tuple[str, str, str, str]]:
    with app.app_context():
        events = db.session.scalars(select(Event).order_by(Event.id))
        return [(e.action, e.actor_name, e.subject_name, e.detail) for e in events]


# Seeing


def test_each_session_says_its_device_address_and_times(app: Flask, bob: Browser) -> None:
    moment = now()
    values = {"agent": FIREFOX, "address": "203.0.113.42", "seen_at": moment - timedelta(minutes=5)}
    _, number = signed_in_with(app, "bob", created_at=moment - timedelta(days=800), **values)

    words = items(bob.get("/security").text)[number]

    year = (moment - timedelta(days=800)).year
    assert words.startswith("Firefox on Linux 203.0.113.42 · Active 5 min ago · Signed in ")
    assert str(year) in words
    assert "This device" not in words


def test_this_device_comes_first_and_cannot_be_ended(app: Flask, bob: Browser) -> None:
    here = sessions_of(app, "bob")[0].id
    _, other = signed_in_with(app, "bob", seen_at=now() + timedelta(minutes=1))

    shown = items(bob.get("/security").text)

    assert list(shown) == [here, other]
    assert "This device" in shown[here]
    assert "End session" not in shown[here]
    assert "End session" in shown[other]


@pytest.mark.parametrize("field", ["idle_until", "ends_at"])
def test_what_has_ended_is_not_shown(app: Flask, bob: Browser, field: str) -> None:
    _, number = signed_in_with(app, "bob", **{field: now()})

    assert number not in items(bob.get("/security").text)
    assert bob.post(f"/security/sessions/{number}/end").status_code == 404


def test_nobody_elses_sessions_are_shown(app: Flask, bob: Browser, carol: Browser) -> None:
    page = bob.get("/security").text

    assert list(items(page)) == [sessions_of(app, "bob")[0].id]
    assert "Carol" not in page


def test_what_a_browser_says_of_itself_never_reaches_the_page(app: Flask, bob: Browser) -> None:
    signed_in_with(app, "bob", agent="<b>Firefox</b>", address="<i>10.0.0.1</i>")

    page = bob.get("/security").text

    assert "<b>" not in page
    assert "<i>" not in page


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox on Linux"),
        (SAFARI, "Safari on iPhone"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36", "Chrome on Windows"),
        (f"Mozilla/5.0 (Windows NT 10.0) {CHROME} Safari/537.36 Edg/140.0", "Edge on Windows"),
        (f"Mozilla/5.0 (Linux; Android 10; K) {CHROME} Mobile Safari/537.36", "Chrome on Android"),
        (f"Mozilla/5.0 (X11; CrOS x86_64) {CHROME} Safari/537.36", "Chrome on ChromeOS"),
        (f"Mozilla/5.0 (X11; Linux) {CHROME} Safari/537.36 OPR/120.0", "Opera on Linux"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 "
            "(KHTML, like Gecko) Version/18.5 Safari/605.1.15",
            "Safari on Mac",
        ),
        (SAFARI.replace("Version/18.5", "CriOS/140.0"), "Chrome on iPhone"),
        ("curl/8.14.1", "curl"),
        ("Something (Linux)", "A browser on Linux"),
        ("", "Unknown device"),
        ("test", "Unknown device"),
    ],
)
def test_a_device_is_said_in_words(agent: str, words: str) -> None:
    assert device(agent) == words


# Ending


def test_an_ended_session_is_out_at_once(app: Flask, bob: Browser) -> None:
    phone, number = signed_in_with(app, "bob", agent=SAFARI, address="203.0.113.77")

    answer = bob.post(f"/security/sessions/{number}/end")

    assert (answer.status_code, answer.location) == (303, "/security")
    page = bob.get("/security").text
    assert "Session ended" in page
    assert number not in items(page)
    assert not is_in(phone)
    assert is_in(bob)
    detail = "Safari on iPhone, 203.0.113.77"
    assert recorded(app) == [("session.ended", "Bob Baker", "Bob Baker", detail)]


def test_htmx_removes_the_item_and_goes_to_the_next_end(app: Flask, bob: Browser) -> None:
    moment = now()
    numbers = [
        signed_in_with(app, "bob", seen_at=moment - timedelta(hours=hours))[1]
        for hours in (1, 2, 3)
    ]

    middle = bob.htmx_post(f"/security/sessions/{numbers[1]}/end").text
    assert list(items(middle))[1:] == [numbers[0], numbers[2]]
    assert focused(middle) == f"end-session-{numbers[2]}"
    assert "Session ended" in middle
    assert "<html" not in middle

    last = bob.htmx_post(f"/security/sessions/{numbers[2]}/end").text
    assert focused(last) == f"end-session-{numbers[0]}"

    none = bob.htmx_post(f"/security/sessions/{numbers[0]}/end").text
    assert focused(none) == "sessions-h"
    assert "End all others" not in none


def test_all_others_end_and_this_one_stays(app: Flask, bob: Browser, carol: Browser) -> None:
    phones = [Browser(app, "bob") for _ in range(3)]

    answer = bob.post("/security/sessions/end-others")

    assert (answer.status_code, answer.location) == (303, "/security")
    assert "You are signed out everywhere else" in bob.get("/security").text
    assert [is_in(phone) for phone in phones] == [False] * 3
    assert is_in(bob)
    assert is_in(carol)
    assert [entry[:3] for entry in recorded(app)] == [
        ("session.ended_all", "Bob Baker", "Bob Baker")
    ]


def test_bob_signs_out_everywhere_here_and_in_every_program_too(
    app: Flask, bob: Browser, carol: Browser
) -> None:
    phone, program = Browser(app, "bob"), Program(app, "bob")
    here = {"REMOTE_ADDR": "203.0.113.9"}

    answer = bob.post("/security/sessions/end-all", environ_base=here)

    assert (answer.status_code, answer.location) == (303, "/sign-in")
    with bob.client.session_transaction() as session:
        assert "_user_id" not in session
    assert "You are signed out everywhere" in bob.get("/sign-in").text
    assert not program.is_in()
    assert program.refresh().status_code == 401
    assert [is_in(browser) for browser in (bob, phone, carol)] == [False, False, True]
    assert sessions_of(app, "bob") == []
    event = kept(app)[-1]
    assert told(event) == ("Bob Baker", "session.ended_all", "Bob Baker")
    assert event.address == "203.0.113.9"


def test_htmx_leads_to_sign_in_from_signing_out_everywhere(bob: Browser) -> None:
    answer = bob.htmx_post("/security/sessions/end-all")

    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/sign-in")
    assert not is_in(bob)


def test_htmx_gets_the_list_with_only_this_device(app: Flask, bob: Browser) -> None:
    Browser(app, "bob")

    part = bob.htmx_post("/security/sessions/end-others").text

    assert list(items(part)) == [sessions_of(app, "bob")[0].id]
    assert focused(part) == "sessions-h"
    assert "You are signed out everywhere else" in part


def test_nobody_ends_somebody_elses_session(
    app: Flask, bob: Browser, mallory: Browser, alice: Browser
) -> None:
    number = sessions_of(app, "bob")[0].id
    before = everything(app)

    for browser in (mallory, alice):
        theirs = browser.post(f"/security/sessions/{number}/end")
        missing = browser.post("/security/sessions/2147483647/end")
        assert (theirs.status_code, missing.status_code) == (404, 404)
        assert browser.htmx_post(f"/security/sessions/{number}/end").status_code == 404

    assert everything(app) == before
    assert is_in(bob)


def test_numbers_that_no_session_has_are_a_404(bob: Browser) -> None:
    for number in ("0", "-1", "2147483648", "9" * 40, "1e3", "x"):
        assert bob.post(f"/security/sessions/{number}/end").status_code == 404, number


def test_the_session_in_use_is_not_ended_here(app: Flask, bob: Browser) -> None:
    number = sessions_of(app, "bob")[0].id

    answer = bob.post(f"/security/sessions/{number}/end", follow_redirects=True)

    assert "This is the session you are using. Sign out instead." in answer.text
    assert is_in(bob)
    assert recorded(app) == []


def test_ending_twice_says_that_it_is_over(app: Flask, bob: Browser) -> None:
    _, number = signed_in_with(app, "bob")
    bob.htmx_post(f"/security/sessions/{number}/end")

    answer = bob.htmx_post(f"/security/sessions/{number}/end")

    assert answer.status_code == 404
    assert "There is no such session. It may have ended already." in answer.text


# Operators


def test_an_operator_sees_and_ends_a_persons_session(
    app: Flask, alice: Browser, bob: Browser
) -> None:
    _, number = signed_in_with(app, "bob", agent=FIREFOX, address="203.0.113.42")
    page = alice.get("/users/bob/sessions").text
    assert items(page)[number].startswith("Firefox on Linux 203.0.113.42")
    assert "This device" not in page

    answer = alice.post(f"/users/bob/sessions/{number}/end")

    assert (answer.status_code, answer.location) == (303, "/users/bob/sessions")
    assert [row.id for row in sessions_of(app, "bob")] == [number - 1]
    assert is_in(bob)
    detail = "Firefox on Linux, 203.0.113.42"
    assert recorded(app) == [("session.ended", "Alice Archer", "Bob Baker", detail)]


def test_the_page_of_a_person_shows_the_list_and_links_to_it(alice: Browser, bob: Browser) -> None:
    page = alice.get("/users/bob").text
    part = alice.htmx_get("/users/bob/sessions").text

    assert '<a href="/users/bob/sessions">' in page
    assert 'hx-get="/users/bob/sessions"' in page
    assert "<html" not in part
    assert len(items(part)) == 1
    assert " autofocus" not in part
    assert "End all others" not in part


def test_an_operator_gets_the_rest_of_the_list_by_htmx(
    app: Flask, alice: Browser, bob: Browser
) -> None:
    number = sessions_of(app, "bob")[0].id

    part = alice.htmx_post(f"/users/bob/sessions/{number}/end").text

    assert "Not signed in anywhere." in part
    assert focused(part) == "sessions-h"
    assert not is_in(bob)


def test_a_session_is_ended_only_under_its_own_persons_name(
    app: Flask, alice: Browser, bob: Browser
) -> None:
    number = sessions_of(app, "bob")[0].id

    assert alice.post(f"/users/carol/sessions/{number}/end").status_code == 404
    assert is_in(bob)


def test_an_operator_does_not_end_their_own_session_by_mistake(app: Flask, alice: Browser) -> None:
    number = sessions_of(app, "alice")[0].id

    alice.post(f"/users/alice/sessions/{number}/end")

    assert is_in(alice)


def test_others_learn_nothing_of_anybodys_sessions(
    app: Flask, mallory: Browser, bob: Browser
) -> None:
    number = sessions_of(app, "bob")[0].id
    before = everything(app)

    for name in ("bob", "nobody"):
        assert mallory.get(f"/users/{name}/sessions").status_code == 403
        assert mallory.post(f"/users/{name}/sessions/{number}/end").status_code == 403

    assert everything(app) == before


def test_strangers_are_asked_to_sign_in(app: Flask, stranger: Browser, bob: Browser) -> None:
    number = sessions_of(app, "bob")[0].id
    paths = [
        f"/security/sessions/{number}/end",
        "/security/sessions/end-others",
        "/security/sessions/end-all",
        f"/users/bob/sessions/{number}/end",
    ]

    assert [stranger.post(path).location for path in paths] == ["/sign-in"] * 4
    assert stranger.get("/users/bob/sessions").location == "/sign-in?next=/users/bob/sessions"
    assert is_in(bob)


def test_looking_changes_nothing_and_ending_needs_the_token(app: Flask, alice: Browser) -> None:
    number = signed_in_with(app, "bob")[1]
    before = everything(app)

    for path in ("/security", "/users/bob/sessions"):
        assert alice.get(path).status_code == 200
    deeds = [f"/security/sessions/{deed}" for deed in ("end-others", "end-all")]
    for path in (*deeds, f"/users/bob/sessions/{number}/end"):
        assert alice.get(path).status_code == 405
        assert alice.client.post(path, data={"csrf_token": "wrong"}).status_code == 400

    assert everything(app) == before


def test_whoever_is_not_there_has_no_sessions(app: Flask, alice: Browser) -> None:
    change(app, "bob", deleted_at=now())

    for name in ("bob", "nobody"):
        assert alice.get(f"/users/{name}/sessions").status_code == 404
        assert alice.post(f"/users/{name}/sessions/1/end").status_code == 404
    assert "/users/bob/sessions" not in alice.get("/users/bob").text
