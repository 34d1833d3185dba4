"""The lines about posts in the table of who may call what."""

from tests.reference.test_contract import (
    ANYBODY,
    CALLS,
    NOBODY,
    OPERATORS,
    OWN_OR_OPERATORS,
    Call,
    Page,
)

POST = {"id", "title", "text", "media_url", "created_by_user_id", "created_at"}

CALLS += [
    Call(
        "POST /bob/post",
        (401, 403, 201, 403),
        POST,
        {"title": "Hello", "text": "What I saw"},
    ),
    Call("GET /bob/posts", ANYBODY, Page(POST), refused=(("/zoe/posts", None, 404, NOBODY),)),
    Call(
        "GET /bob/post/{post}",
        ANYBODY,
        POST,
        refused=(("/bob/post/999", None, 404, "Post not found"),),
    ),
    Call("PATCH /bob/post/{post}", OWN_OR_OPERATORS, "Post updated", {"title": "Hello again"}),
    Call("DELETE /bob/post/{post}", OWN_OR_OPERATORS, "Post deleted"),
    Call("DELETE /bob/db_post/{post}", OPERATORS, "Post deleted from the database"),
]
