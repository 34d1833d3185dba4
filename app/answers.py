"""What a door of the API may answer, for the published document: every status, with its schema."""

import re
from typing import Any

from pydantic import BaseModel, Field
from werkzeug.routing import Rule

from app.operations import Operation, Paging

# Our own words, since Python's differ from one version to the next: name, then what it means.
MEANINGS = {
    200: ("OK", "Done."),
    201: ("Created", "Made."),
    202: ("Accepted", "It will be done."),
    304: ("NotModified", "Nothing changed since the ETag that was sent."),
    400: ("BadRequest", "The request could not be read."),
    401: ("Unauthorized", "There is no valid token, or the password is wrong."),
    403: ("Forbidden", "Whoever this token acts for may not do this, or the token may only read."),
    404: ("NotFound", "There is no such thing."),
    409: ("Conflict", "The state of things does not allow this, or somebody else was faster."),
    412: ("PreconditionFailed", "This changed since the ETag of If-Match was read."),
    413: ("TooLarge", "More was sent than is taken."),
    415: ("UnsupportedMediaType", "Another kind of content is taken here."),
    422: ("Unprocessable", "A value is not as it has to be, or belongs to somebody else already."),
    428: ("PreconditionRequired", "An If-Match is needed here."),
    429: ("TooManyRequests", "A limit is used up; Retry-After says until when."),
    500: ("ServerError", "Something went wrong on our side. Nothing was saved."),
    503: ("Unavailable", "Too busy, or without a database, for some seconds."),
}
# As they are said most; the others say about what they mean.
SENTENCES = {
    401: "Send a valid access token: Authorization: Bearer …",
    422: "Username not available",
    429: "Rate limit exceeded.",
}
REQUEST_ID = "3f2a9c0d1e4b5a697f88"
LEFT_TO_SAY = {"limit": 10, "period": 3600, "retry_after": 1260, "reset_at": "2026-03-14T15:00:00Z"}
WRONGS = [{"loc": ["body", "name"], "msg": "Use 2 characters or more", "type": "value_error"}]
LIMIT_HEADERS = {
    "RateLimit-Policy": ("string", 'What is allowed, in how many seconds: `"…";q=10;w=3600`.'),
    "RateLimit": ("string", 'What is left, for how many seconds: `"…";r=9;t=1260`.'),
    "X-RateLimit-Limit": ("integer", "What is allowed in a window."),
    "X-RateLimit-Remaining": ("integer", "What is left in this window."),
    "X-RateLimit-Reset": ("integer", "When the next window begins, in seconds since 1970."),
}
HEADERS = {
    **LIMIT_HEADERS,
    "ETag": ("string", "The version of what was read, for If-None-Match and If-Match."),
    "Idempotency-Replayed": ("string", "`true` where this answers an Idempotency-Key again."),
    "Link": ("string", 'Where the next page is (RFC 8288): `<…?cursor=…>; rel="next"`.'),
    "Location": ("string", "Where the new thing is."),
    "Retry-After": ("integer", "In how many seconds to try again."),
    "Total-Is-Estimate": ("string", "`true` where there are too many to be counted each time."),
    "WWW-Authenticate": ("string", "`Bearer`"),
    "X-Request-ID": ("string", "The number of this request in the log."),
}
HEADERS_OF = {
    401: ["WWW-Authenticate"],
    429: ["Retry-After", *LIMIT_HEADERS],
    503: ["Retry-After"],
}


class Wrong(BaseModel):
    """One thing that is wrong with a request."""

    loc: list[str | int] = Field(description="Where: body or query, then the field.")
    msg: str = Field(description="What, in words for people.")
    type: str = Field(description="What, in a word for programs.")


class Error(BaseModel):
    """Why something was not done."""

    detail: str | list[Wrong] = Field(description="A sentence; for 422 also one for each field.")
    title: str = Field(description="The status in words.")
    status: int
    request_id: str = Field(description="The number of this request in the log.")


class LimitError(Error):
    """A limit is used up."""

    limit: int | None = Field(None, description="What is allowed, where it may be known.")
    period: int | None = Field(None, description="In how many seconds.")
    retry_after: int = Field(description="In how many seconds to try again.")
    reset_at: str = Field(description="When that is: RFC 3339, in UTC.")


SHAPES = {429: LimitError}


def components(refs: dict[Any, Any]) -> dict[str, Any]:
    """What every door shares: the headers, and the errors by name."""
    headers = {
        name: {"description": said, "schema": {"type": kind}}
        for name, (kind, said) in HEADERS.items()
    }
    errors = {name: error(status, refs) for status, (name, _) in MEANINGS.items() if status >= 400}
    return {"headers": headers, "responses": errors}


def error(status: int, refs: dict[Any, Any]) -> dict[str, Any]:
    content = {"schema": refs[SHAPES.get(status, Error)], "examples": examples(status)}
    return {
        "description": MEANINGS[status][1],
        "headers": referred([*HEADERS_OF.get(status, ()), "X-Request-ID"]),
        "content": {"application/json": content},
    }


def examples(status: int) -> dict[str, Any]:
    name, meaning = MEANINGS[status]
    title = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    shared = {"title": title, "status": status, "request_id": REQUEST_ID}
    more = LEFT_TO_SAY if status == 429 else {}
    sentence = {"value": {"detail": SENTENCES.get(status, meaning), **shared, **more}}
    fields = {"fields": {"value": {"detail": WRONGS, **shared}}} if status == 422 else {}
    return {"sentence": sentence, **fields}


def referred(names: list[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def answers(view: Any, method: str, rule: Rule, refs: dict[Any, Any]) -> dict[str, Any]:
    """Every answer of one door by its status: what it gives, then the errors."""
    return {
        **success(view, method, refs),
        **({"304": unchanged()} if method == "GET" else {}),
        **{
            str(status): {"$ref": f"#/components/responses/{MEANINGS[status][0]}"}
            for status in sorted(statuses(view, method, rule))
        },
    }


def success(view: Any, method: str, refs: dict[Any, Any]) -> dict[str, Any]:
    known: Operation = view.operation
    content: dict[str, Any] = {"schema": refs[known.gives]}
    if "answer" in known.examples:
        content["examples"] = {"usual": {"value": known.examples["answer"]}}
    answer = {
        "description": MEANINGS[known.status][1],
        "headers": referred([*headers(view, method), "X-Request-ID"]),
        "content": {"application/json": content},
    }
    return {str(known.status): answer}


def headers(view: Any, method: str) -> list[str]:
    """Those of a success that not every door has."""
    known: Operation = view.operation
    found = list(LIMIT_HEADERS) if hasattr(view, "limit_mark") else []
    found += ["ETag"] if method == "GET" else []
    found += ["Location"] if known.status == 201 else []
    found += ["Link", "Total-Is-Estimate"] if is_paged(known) else []
    return found + (["Idempotency-Replayed"] if known.once else [])


def is_paged(known: Operation) -> bool:
    return known.query is not None and issubclass(known.query, Paging)


def unchanged() -> dict[str, Any]:
    return {"description": MEANINGS[304][1], "headers": referred(["ETag", "X-Request-ID"])}


def statuses(view: Any, method: str, rule: Rule) -> set[int]:
    """The errors that a door may answer with: what it says itself, and what all of its kind may."""
    known: Operation = view.operation
    takes_body = bool(known.body or known.form)
    found = {400, 401, 500, 503, *known.errors}  # 401: a token that is not valid is nobody's
    found |= {403} if getattr(view, "for_whom", "") == "operators" or method != "GET" else set()
    found |= {404} if rule.arguments else set()
    found |= {409, 413} if method != "GET" else set()
    found |= {415} if takes_body else set()
    found |= {422} if takes_body or known.query or known.once or known.keyed else set()
    return found | ({429} if hasattr(view, "limit_mark") else set())
