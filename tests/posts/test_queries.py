"""A list of posts takes as many statements as is stated, however long it is."""

from flask import Flask

from tests.people import Browser
from tests.posts.written import write
from tests.test_queries import taken

STATED = 5


def test_the_list_takes_no_more_statements_when_there_are_more_posts(
    app: Flask, bob: Browser
) -> None:
    for many in (2, 20):
        for number in range(many):
            write(app, title=f"Post {many}/{number}")

        assert taken(app, lambda: bob.get("/posts").status_code) <= STATED
