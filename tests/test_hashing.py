"""However many sign in at once, whoever only reads a page is served."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import passwords
from tests.people import Browser

THREADS, SENDERS, ENOUGH_SECONDS = 4, 6, 60.0


@pytest.fixture
def no_turn(monkeypatch: pytest.MonkeyPatch) -> Iterator[ExitStack]:
    """Nobody gets a turn to hash until this is closed."""
    monkeypatch.setattr(passwords, "PATIENCE_SECONDS", ENOUGH_SECONDS)
    with ExitStack() as held:
        held.enter_context(passwords.AT_ONCE)
        yield held


def test_a_page_is_answered_while_sign_ins_wait_for_their_turn(
    app: Flask, no_turn: ExitStack
) -> None:
    senders = [Browser(app) for _ in range(SENDERS)]
    typed = [
        {"login": f"nobody{number}", "password": "wrong", "csrf_token": each.token}
        for number, each in enumerate(senders)
    ]
    reader = Browser(app)

    with ThreadPoolExecutor(THREADS) as server:  # serves in order, as the web server does
        signing_in: list[Future[TestResponse]] = [
            server.submit(each.client.post, "/sign-in", data=form)
            for each, form in zip(senders, typed, strict=True)
        ]
        page = server.submit(reader.get, "/sign-in")
        try:
            assert page.result(ENOUGH_SECONDS / 3).status_code == 200
            waiting = [each for each in signing_in if not each.done()]
        finally:
            no_turn.close()
        answers = [each.result(ENOUGH_SECONDS) for each in signing_in]

    assert len(waiting) == THREADS - 1
    assert sorted(each.status_code for each in answers) == [422, 422, 422, 503, 503, 503]
    refused = [each for each in answers if each.status_code == 503]
    assert {each.headers["Retry-After"] for each in refused} == {"3"}


@pytest.mark.parametrize(("threads", "places"), [(1, 1), (2, 1), (4, 3), (16, 15)])
def test_one_thread_stays_out_of_the_line(threads: int, places: int) -> None:
    line = passwords.Line()

    line.leave_one_free(threads)

    taken = [line.places.acquire(blocking=False) for _ in range(places + 1)]
    assert taken == [True] * places + [False]


def test_a_turn_that_failed_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "PATIENCE_SECONDS", 0.0)
    with passwords.AT_ONCE:
        for _ in range(THREADS):
            with pytest.raises(passwords.Busy):
                passwords.hash_password("lilac vase")

    for _ in range(THREADS):
        with pytest.raises(ZeroDivisionError), passwords.turn():
            _ = 1 / 0

    assert passwords.is_right(passwords.hash_password("lilac vase"), "lilac vase")
