"""What programs send and get about people."""

from datetime import datetime
from typing import Annotated, Literal

from flask import current_app
from pydantic import (
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from app.kinds import switch, text
from app.operations import NO_ZERO, Changes, Paging, Schema, Shown
from app.passwords import hash_password
from app.tiers.rules import Number
from app.tiers.schemas import RateLimitRead
from app.users.rules import (
    WEB_ADDRESS,
    EmailAddress,
    Password,
    PersonName,
    Username,
    keep_names_out,
    web_address,
)


def picture(value: object) -> str | None:
    return None if value is None else web_address(text(value))


Name = Annotated[PersonName, BeforeValidator(text)]
NewUsername = Annotated[Username, BeforeValidator(text)]
Email = Annotated[EmailAddress, BeforeValidator(text)]
Picture = Annotated[
    str | None, BeforeValidator(picture), WithJsonSchema({"anyOf": [WEB_ADDRESS, {"type": "null"}]})
]


class UserCreate(Schema):
    """Somebody new. The address counts as unconfirmed until a link that is mailed to it is used."""

    name: Name
    username: NewUsername
    email: Email
    password: Annotated[Password, BeforeValidator(text)]
    _hash: str = PrivateAttr("")

    @field_validator("password")
    @classmethod
    def names_nobody(cls, password: str, info: ValidationInfo) -> str:
        product = current_app.config["SETTINGS"].app_name
        username, email = info.data.get("username", ""), info.data.get("email", "")
        keep_names_out(password, username, email, product)
        return password

    @model_validator(mode="after")
    def hash_it(self) -> "UserCreate":
        """While it is read, for that is before the first change: on SQLite everybody waits from
        there on. Raises Busy.
        """
        self._hash = hash_password(self.password)
        return self

    @property
    def password_hash(self) -> str:
        return self._hash


class UserUpdate(Changes):
    """What may be sent of a person; the address of somebody else by operators only."""

    name: Name = ""
    username: NewUsername = ""
    email: Email = ""
    profile_image_url: Picture = None


class UserRead(Shown):
    """A person."""

    id: int
    name: str
    username: str
    email: str
    profile_image_url: str | None
    tier_id: int | None


class UserLimits(UserRead):
    """A person, with the limits of their tier."""

    tier_rate_limits: list[RateLimitRead]


class UserTier(UserRead):
    """A person, with their tier."""

    tier_name: str
    tier_created_at: datetime


class TierMove(Schema):
    """The tier that somebody is to be on; null for none."""

    tier_id: Number | None


Order = Literal[
    "id", "-id", "name", "-name", "email", "-email", "joined", "-joined", "seen", "-seen"
]


Switch = Annotated[bool, BeforeValidator(switch)]


class UserQuery(Paging):
    """Which people, in which order."""

    q: str = Field(
        "",
        max_length=100,
        description="Words in the name, username or address.",
        json_schema_extra=NO_ZERO,
    )
    tier: str = Field(
        "",
        max_length=64,
        description="The name of their tier; - for none.",
        json_schema_extra=NO_ZERO,
    )
    sort: Order = Field("id", description="By what; with - the other way round.")
    deleted: Switch = Field(False, description="Those who were deleted, instead of the living.")
