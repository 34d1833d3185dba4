"""What a door of the API takes and gives, said once: it is checked, and it is published.

    @users_api.get("/users")
    @operators_only
    @operation("Users", query=UserQuery, gives=PageOf[UserRead])
    def index(query: UserQuery) -> Page: ...

The body and the query arrive as what the schemas say; what the view returns goes out as JSON.
Stands under the decorators that ask who it is: a stranger learns nothing about fields.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Generic, TypeVar

from flask import Response, current_app, g, jsonify, request
from flask_login import current_user
from pydantic import BaseModel, ConfigDict, Field

from app import repeats
from app.extensions import throttled_address
from app.programs import Problem, read, read_query
from app.repeats import Answer, Repeated

CHANGED = "This changed since you read it. Read it again, then repeat what you did."
READS = ("GET", "HEAD")
LONGEST_KEY = 255
ODD_KEY = f"Use an Idempotency-Key of 1 to {LONGEST_KEY} letters, digits and signs of ASCII."

Item = TypeVar("Item")


class Schema(BaseModel):
    """What may be sent; a field that is not known is refused."""

    model_config = ConfigDict(extra="forbid")


def without_defaults(schema: dict[str, Any]) -> None:
    for each in schema.get("properties", {}).values():
        each.pop("default", None)


class Changes(Schema):
    """What may be sent of a thing that is there already; what is not sent stays as it is."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=without_defaults)

    @property
    def sent(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True)


class Shown(BaseModel):
    """What is answered, made of a model's attributes."""

    model_config = ConfigDict(from_attributes=True)


class Message(Shown):
    """That a change was made."""

    message: str


# What the document says of a text in an address, besides: one with a zero is refused with 400.
NO_ZERO: dict[str, Any] = {"pattern": r"^[^\u0000]*$"}


class Paging(BaseModel):
    """Which page of a list."""

    page: int = Field(1, ge=1, le=2_147_483_647, description="The page's number, from 1.")
    items_per_page: int = Field(10, ge=1, le=100, description="How many on a page.")
    cursor: str = Field(
        "",
        max_length=1000,
        json_schema_extra={"pattern": "^[A-Za-z0-9_-]*$"},  # the list itself says it in words
        description="From the Link header of the page before, which says where to go on: found at"
        " once, however deep. Then page does not count.",
    )


class PageOf(Shown, Generic[Item]):
    """A page of a list."""

    data: list[Item]
    total_count: int = Field(
        description="Beyond 10,000 an estimate, and the header Total-Is-Estimate says so."
    )
    has_more: bool
    page: int
    items_per_page: int


@dataclass(frozen=True)
class Operation:
    """How one door is published (OpenAPI 3.1, 4.8.10)."""

    tag: str
    gives: Any
    status: int = 200
    body: type[BaseModel] | None = None
    form: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    errors: tuple[int, ...] = ()
    once: bool = False
    keyed: bool = False
    examples: dict[str, Any] = field(default_factory=dict)


def operation(
    tag: str,
    *,
    gives: Any,
    status: int = 200,
    body: type[BaseModel] | None = None,
    form: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    errors: tuple[int, ...] = (),
    once: bool = False,
    keyed: bool = False,
    examples: dict[str, Any] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Response]]:
    """Publish a view under ``tag``, and let it speak JSON.

    ``gives`` is the schema of the answer with ``status``; ``errors`` are those that only this one
    gives, beside what every door of its kind may. ``once`` keeps the answer to a call with an
    ``Idempotency-Key``; where a view sees to that itself it is ``keyed``. ``form`` only publishes
    what the view reads itself.
    """
    known = Operation(tag, gives, status, body, form, query, errors, once, keyed, examples or {})

    def decorate(view: Callable[..., Any]) -> Callable[..., Response]:
        @wraps(view)
        def spoken(*args: Any, **kwargs: Any) -> Response:
            if query:
                kwargs["query"] = read_query(query)
            if body:
                kwargs["body"] = read(body)
            return respond(known, lambda: as_answer(view(*args, **kwargs), status))

        spoken.operation = known  # type: ignore[attr-defined]
        return spoken

    return decorate


def as_answer(said: Any, status: int) -> Answer | Response:
    """A view returns what it says, with an address if it made something; or a whole response."""
    if isinstance(said, Response):
        return said
    what, location = said if isinstance(said, tuple) else (said, None)
    return Answer(status, plain(what), location)


def plain(what: Any) -> Any:
    """``what`` as JSON has it."""
    if isinstance(what, BaseModel):
        return what.model_dump(mode="json")
    if isinstance(what, list):
        return [plain(each) for each in what]
    return what


def respond(known: Operation, act: Callable[[], Answer | Response]) -> Response:
    key = idempotency_key() if known.once else None
    answer = act() if key is None else answered_once(key, act)
    if isinstance(answer, Response):
        return answer
    response = jsonify(answer.body)
    response.status_code = answer.status
    if answer.location:
        response.headers["Location"] = answer.location
    response.headers.update(g.pop("told", {}))
    if answer.is_again:
        response.headers["Idempotency-Replayed"] = "true"
    return with_version(response, answer.body) if request.method in READS else response


def idempotency_key() -> str | None:
    """What the caller tells this call from others by; None for a call without one.

    Raises Problem: a server may hand on any other text as none at all, and then the keys of two
    calls would be one.
    """
    key = request.headers.get("Idempotency-Key")
    is_plain = key is None or (key.strip() and key.isascii() and key.isprintable())
    if not is_plain or len(key or "") > LONGEST_KEY:
        raise Problem(422, ODD_KEY)
    return key


def answered_once(key: str, act: Callable[[], Any]) -> Answer:
    try:
        return repeats.once(caller(), key, act)
    except Repeated as error:
        raise Problem(error.status, str(error)) from None


def tell(name: str, value: str) -> None:
    """Say ``value`` in that header of the answer."""
    g.setdefault("told", {})[name] = value


def caller() -> str:
    """Whose a key is: nobody meets the keys of others."""
    if current_user.is_authenticated:
        return f"user:{current_user.uuid}"
    return f"address:{throttled_address()}"


def with_version(response: Response, body: Any) -> Response:
    """Say which version this is (ETag); whoever has it is told so by the envelope."""
    response.set_etag(version_of(body))
    return response


def version_of(body: Any) -> str:
    return hashlib.sha256(current_app.json.dumps(body).encode()).hexdigest()[:32]


def check_version(shown: Any) -> None:
    """Raise Problem when the caller changes another version than is ``shown`` by now: with
    ``If-Match`` nobody overwrites what somebody else did (RFC 9110, 13.1.1). One that cannot be
    read names no version.
    """
    is_asked = "If-Match" in request.headers
    if is_asked and not request.if_match.contains(version_of(plain(shown))):
        raise Problem(412, CHANGED)
