"""Bob deletes a post on a page, and takes that back; operators delete what others wrote."""

from flask import Flask

from app.posts.models import Post
from tests.audit.kept import kept
from tests.people import Browser, undo_of
from tests.posts.written import stored, write


def is_there(app: Flask, number: int) -> bool:
    post = stored(app, number)
    return isinstance(post, Post) and not post.is_deleted


def test_bob_deletes_a_post_and_takes_it_back(app: Flask, bob: Browser) -> None:
    number = write(app)

    answer = bob.post(f"/posts/{number}/delete")
    page = bob.get(answer.location).text

    assert (answer.status_code, answer.location) == (303, "/posts")
    assert "Hello is deleted" in page
    assert not is_there(app, number)
    assert bob.get(f"/posts/{number}").status_code == 404
    assert bob.post(*undo_of(page)).location == "/posts"
    assert is_there(app, number)
    assert kept(app) == []


def test_with_htmx_both_draw_the_page_again(app: Flask, bob: Browser) -> None:
    number = write(app)

    assert bob.htmx_post(f"/posts/{number}/delete").headers["HX-Redirect"] == "/posts"
    undo, fields = undo_of(bob.get("/posts").text)
    assert bob.htmx_post(undo, fields).headers["HX-Redirect"] == "/posts"
    assert is_there(app, number)


def test_restoring_twice_and_deleting_twice_do_no_harm(app: Flask, bob: Browser) -> None:
    number = write(app)

    assert bob.post(f"/posts/{number}/restore").status_code == 303
    assert bob.post(f"/posts/{number}/delete").status_code == 303
    assert bob.post(f"/posts/{number}/delete").status_code == 404
    assert not is_there(app, number)


def test_what_an_operator_deletes_is_on_record_and_only_they_bring_it_back(
    app: Flask, alice: Browser, bob: Browser
) -> None:
    number = write(app)

    answer = alice.post(f"/posts/{number}/delete")
    page = alice.get(answer.location).text

    assert answer.location == "/posts/by/bob"
    assert bob.post(f"/posts/{number}/restore").status_code == 404
    assert not is_there(app, number)
    assert alice.post(*undo_of(page)).location == "/posts/by/bob"
    assert is_there(app, number)
    found = [(event.action, event.subject_name, event.detail) for event in kept(app)]
    assert found == [
        ("post.deleted", "Bob Baker", "Hello"),
        ("post.restored", "Bob Baker", "Hello"),
    ]
    assert "Deleted the post “Hello” of" in alice.get("/audit?group=post").text
    assert "Deleted the post “Hello” of" in bob.get("/activity").text


def test_nobody_else_deletes_or_restores(app: Flask, bob: Browser, mallory: Browser) -> None:
    living, deleted = write(app), write(app, title="Gone")
    bob.post(f"/posts/{deleted}/delete")

    for number in (living, deleted, 4711):
        for deed in ("delete", "restore"):
            assert mallory.post(f"/posts/{number}/{deed}").status_code == 404

    assert (is_there(app, living), is_there(app, deleted)) == (True, False)


def test_a_stranger_is_asked_to_sign_in(app: Flask, stranger: Browser) -> None:
    number = write(app)

    assert stranger.post(f"/posts/{number}/delete").location == "/sign-in"
    assert is_there(app, number)
