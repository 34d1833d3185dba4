"""A list of posts takes as many statements as is stated, however long it is."""

from flask import Flask

from tests.calls import Caller
from tests.people import Browser
from tests.posts.written import write
from tests.statements import statements
from tests.test_queries import taken

STATED, CALLED = 5, 5


def test_the_list_takes_no_more_statements_when_there_are_more_posts(
    app: Flask, bob: Browser
) -> None:
    for many in (2, 20):
        for number in range(many):
            write(app, title=f"Post {many}/{number}")

        assert taken(app, lambda: bob.get("/posts").status_code) <= STATED


def test_a_page_that_is_not_remembered_takes_no_more_when_it_is_longer(app: Flask) -> None:
    program = Caller(app, "alice")
    for many in (2, 20):
        for number in range(many):
            write(app, title=f"Post {many}/{number}")
        assert program.get("/user/me/").status_code == 200

        with statements(app) as said:
            answer = program.get(f"/bob/posts?items_per_page={many}")

        assert answer.json is not None
        assert len(answer.json["data"]) == many
        assert len(said) <= CALLED
