"""Everything that is kept about one person, as JSON, read and written piece by piece."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from app.audit.models import Event
from app.auth.devices import device
from app.auth.models import Session
from app.extensions import db
from app.factors.models import AuthenticatorApp, Passkey
from app.jobs.models import Job
from app.tiers import usage
from app.tiers.models import Usage
from app.tokens.models import ApiToken
from app.users.belongings import BELONGINGS, Belonging
from app.users.models import User

BATCH = 500
Row = dict[str, Any]
# What each list says of a row: no secret, no hash of one, nothing by which one is found.
SESSION = ("created_at", "seen_at", "ends_at", "kind", "address", "agent")
TOKEN = ("name", "scope", "created_at", "expires_at", "used_at", "address")
PASSKEY = ("name", "is_synced", "created_at", "used_at")
APP = ("created_at", "used_at")
JOB = (
    *("id", "task", "name", "status", "message", "result", "error"),
    *("created_at", "started_at", "finished_at"),
)
EVENT = (
    *("at", "action", "actor_id", "actor_name", "subject_kind", "subject_id", "subject_name"),
    *("detail", "changes", "address", "agent"),
)


def as_json(user: User) -> Iterator[str]:
    """The file, in pieces: as much memory for a million events as for one."""
    number = user.id
    yield '{\n"account": ' + written(account(user))
    yield ',\n"preferences": ' + written(preferences(user))
    for name, rows in lists(number).items():
        yield f',\n"{name}": ['
        for place, row in enumerate(rows):
            yield (",\n" if place else "\n") + written(row)
        yield "\n]"
    yield "\n}\n"


def lists(user_id: int) -> dict[str, Iterator[Row]]:
    return {
        "sessions": (with_device(row) for row in rows_of(Session, SESSION, user_id)),
        "api_tokens": rows_of(ApiToken, TOKEN, user_id),
        "passkeys": rows_of(Passkey, PASSKEY, user_id),
        "authenticator_apps": rows_of(AuthenticatorApp, APP, user_id),
        "limits_used": limits_used(user_id),
        "tasks": selected(Job, JOB, Job.owner_id == user_id),
        **{each.name: belongings(each, user_id) for each in BELONGINGS},
        "activity": (
            as_seen_by(user_id, row) for row in selected(Event, EVENT, Event.about(user_id))
        ),
    }


def belongings(each: Belonging, user_id: int) -> Iterator[Row]:
    return selected(each.model, each.columns, each.owner == user_id, each.batch)


def account(user: User) -> Row:
    names = ("name", "username", "email", "email_confirmed_at", "profile_image_url", "state")
    times = ("created_at", "updated_at", "last_seen_at")
    values = {name: getattr(user, name) for name in (*names, *times)}
    return {**values, "tier": user.tier and user.tier.name, "operator": user.is_superuser}


def preferences(user: User) -> Row:
    keys = not user.keys_off
    return {"theme": user.theme, "time_zone": user.time_zone, "single_key_shortcuts": keys}


def rows_of(model: Any, columns: tuple[str, ...], user_id: int) -> Iterator[Row]:
    return selected(model, columns, model.user_id == user_id)


def selected(
    model: Any, columns: tuple[str, ...], condition: Any, batch_size: int = BATCH
) -> Iterator[Row]:
    """The rows by id, a batch at a time; columns only, so that the session keeps none of them."""
    wanted = [model.id.label("key"), *(getattr(model, name) for name in columns)]
    query = select(*wanted).where(condition).order_by(model.id).limit(batch_size)
    batch = db.session.execute(query).all()
    while batch:
        yield from ({name: getattr(row, name) for name in columns} for row in batch)
        batch = db.session.execute(query.where(model.id > batch[-1].key)).all()


def limits_used(user_id: int) -> Iterator[Row]:
    """What was used of each limit, of the last seven days, in slices of five minutes."""
    usage.settle()
    facts = (Usage.slice, Usage.route, Usage.calls, Usage.refused)
    rows = db.session.execute(
        select(*facts).where(Usage.user_id == user_id).order_by(Usage.slice, Usage.route)
    )
    for moment, route, calls, refused in rows:
        at = datetime.fromtimestamp(moment, UTC)
        yield {"at": at, "route": route, "calls": calls, "refused": refused}


def with_device(row: Row) -> Row:
    return {**row, "device": device(row["agent"])}


def as_seen_by(user_id: int, row: Row) -> Row:
    """An event without what is about others: whom it was done to, and from where others did it."""
    actor, subject = row.pop("actor_id"), row.pop("subject_id")
    if row["subject_kind"] == "user" and subject != user_id:
        row |= {"subject_name": "", "detail": "", "changes": {}}
    if actor not in (None, user_id):
        row |= {"address": "", "agent": ""}
    return row


def written(value: Row) -> str:
    return json.dumps(value, ensure_ascii=False, default=plain)


def plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
