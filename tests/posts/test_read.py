"""People find and read their posts; operators read those of others."""

import json

from flask import Flask

from app.extensions import db
from app.posts.models import Post, Shelf
from tests.people import Browser
from tests.posts.written import all_stored, write
from tests.users.saved import change, saved


def test_an_empty_list_says_what_it_is_for(bob: Browser) -> None:
    page = bob.get("/posts").text

    assert "Write your first post" in page
    assert 'href="/posts/new"' in page
    assert '<a class="nav-link2" href="/posts" aria-current="page">' in page


def test_bob_sees_what_he_wrote_newest_first_by_pages(app: Flask, bob: Browser) -> None:
    for n in range(27):
        write(app, title=f"Post {n:02}")
    write(app, "carol", "Not of Bob")

    first, second = bob.get("/posts").text, bob.htmx_get("/posts?page=2")

    assert "Not of Bob" not in first
    assert first.index("Post 26") < first.index("Post 02")
    assert "Post 01" not in first
    assert "1–25 of 27" in first
    assert "<html" not in second.text
    assert "Post 01" in second.text
    assert "Page 2 of 2" in second.headers["HX-Trigger"]


def test_a_post_is_shown_as_it_was_typed_and_as_text(app: Flask, bob: Browser) -> None:
    number = write(app, title="<i>Hi</i>", text="One.\n\n<script>", media_url="https://a.example/b")

    page = bob.get(f"/posts/{number}").text

    assert "&lt;i&gt;Hi&lt;/i&gt;" in page
    assert "One.\n\n&lt;script&gt;" in page
    assert 'href="https://a.example/b" rel="noopener noreferrer"' in page


def test_what_others_wrote_is_as_if_it_were_not_there(app: Flask, mallory: Browser) -> None:
    number = write(app)
    absent = mallory.get("/posts/4711")

    for path in (f"/posts/{number}", f"/posts/{number}/edit"):
        answer = mallory.get(path)
        assert answer.status_code == absent.status_code == 404
        assert "Hello" not in answer.text
    assert mallory.get("/posts/by/bob").status_code == 403


def test_an_operator_reads_what_bob_wrote(app: Flask, alice: Browser) -> None:
    number = write(app)

    assert 'href="/posts/by/bob"' in alice.get("/users/bob").text
    assert "Hello" in alice.get("/posts/by/bob").text
    page = alice.get(f"/posts/{number}").text
    assert "Hello, everybody" in page
    assert f"/posts/{number}/edit" not in page
    assert "Carol Cooper has not written anything" in alice.get("/posts/by/carol").text
    assert alice.get("/posts/by/nobody").status_code == 404


def test_who_is_deleted_has_no_list(app: Flask, alice: Browser) -> None:
    change(app, "bob", deleted_at=saved(app, "bob").created_at)

    assert 'href="/posts/by/bob"' not in alice.get("/users/bob").text
    assert alice.get("/posts/by/bob").status_code == 404


def test_a_stranger_is_asked_to_sign_in(app: Flask, stranger: Browser) -> None:
    number = write(app)

    assert stranger.get(f"/posts/{number}").location == f"/sign-in?next=/posts/{number}"


def test_posts_are_in_the_file_of_what_is_known_about_bob(app: Flask, bob: Browser) -> None:
    write(app, text="x" * 60_000)
    write(app, "carol", "Not of Bob")

    mine = json.loads(bob.post("/profile/data").data)["posts"]

    assert [row["title"] for row in mine] == ["Hello"]
    assert mine[0].keys() == {
        *("title", "text", "media_url", "created_at", "updated_at", "deleted_at"),
    }


def test_posts_go_with_who_wrote_them(app: Flask) -> None:
    write(app)
    kept = write(app, "carol")

    with app.app_context():
        db.session.execute(db.text("DELETE FROM users WHERE username = 'bob'"))
        db.session.commit()
        carol = db.session.get_one(Post, kept).created_by_user_id
        assert list(db.session.scalars(db.select(Shelf.author_id))) == [carol]
    assert [post.id for post in all_stored(app)] == [kept]
