"""Operators move many people to another tier: those ticked in the list, or all who match."""

from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import func, select

from app.access import operators_only
from app.audit.models import Event
from app.audit.undo import put_back
from app.errors import Refused, Stale, answering
from app.extensions import db
from app.htmx import Toast, own_page, page_before, redirect_with
from app.tiers.models import Tier, label_of
from app.users import moving
from app.users.forms import MoveForm
from app.users.found import STATES
from app.users.models import User
from app.users.move_tasks import move_users
from app.users.pages import users
from app.words import count

PATH = "/move-users"  # without a hyphen it would be somebody's page
AT_ONCE = 100  # more are moved by a task
MOST_TICKED = 1000
LARGEST = 2_147_483_647  # that an id can be


class Selection:
    """Who is meant: the people ticked, or everybody living who matches the list's filters."""

    def __init__(self) -> None:
        sent = request.form if request.method == "POST" else request.args
        names = ("q", "tier", "seen", "state")
        self.asked = {name: sent.get(name, "").strip()[:100] for name in names}
        if self.asked["state"] not in STATES:
            self.asked["state"] = ""
        self.everybody = sent.get("all") == "1"
        self.ids = None if self.everybody else sorted({*map(number, sent.getlist("id"))} - {0})
        self.back = own_page(sent.get("back"), url_for("users.index"))
        self.expected = sent.get("count", "")
        if self.ids is not None and len(self.ids) > MOST_TICKED:
            raise Refused(f"Select {MOST_TICKED:,} people or fewer, or all who match.")

    @property
    def on_tiers(self) -> list[tuple[str, int]]:
        """How many are on each tier, by its label."""
        found = moving.by_tier(self.ids, self.asked)
        return [(label_of(name) if name else "No tier", total) for name, total in found]


def number(text: str) -> int:
    """The id that ``text`` names; nobody has 0."""
    known = int(text) if text.isascii() and text.isdigit() and len(text) < 11 else 0
    return known if known <= LARGEST else 0


@users.get(PATH)
@operators_only
def choose_tier() -> ResponseReturnValue:
    """How many are meant, where they are, and where they are to go."""
    meant = Selection()
    on_tiers = meant.on_tiers
    if not on_tiers:
        return redirect_with(meant.back, Toast("Select somebody first", is_problem=True))
    return asking(meant, on_tiers, MoveForm(formdata=None))


def asking(meant: Selection, on_tiers: list[tuple[str, int]], form: MoveForm, **more: Any) -> str:
    total = sum(those for _, those in on_tiers)
    facts = {"meant": meant, "on_tiers": on_tiers, "total": total, "form": form}
    return render_template("users/move.html", at_once=AT_ONCE, **facts, **more)


@users.post(PATH)
@operators_only
def move() -> ResponseReturnValue:
    meant, form = Selection(), MoveForm()
    on_tiers = meant.on_tiers
    total = sum(those for _, those in on_tiers)
    if not on_tiers and not meant.ids:
        return redirect_with(meant.back, Toast("Select somebody first", is_problem=True))
    if not form.validate():
        return asking(meant, on_tiers, form), 422
    if meant.everybody and meant.expected != str(total):
        return asking(meant, on_tiers, form, changed=True), 409
    tier = form.tier
    return move_later(meant, total, tier) if total > AT_ONCE else move_now(meant, tier)


def move_later(meant: Selection, total: int, tier: Tier | None) -> ResponseReturnValue:
    me = current_user._get_current_object()
    name = f"Move of {count(total, 'user')} to {label(tier)}"[:120]
    whom = {"ids": meant.ids} if meant.ids is not None else {"asked": meant.asked}
    last = db.session.scalar(select(func.max(User.id))) or 0
    where = {"to": tier.id if tier else None, "mark": tier.mark if tier else ""}
    job = move_users.options(owner=me, name=name).enqueue(by=me.id, last=last, **where, **whom)
    db.session.commit()
    return redirect_with(url_for("jobs.show", id=job.id))


def move_now(meant: Selection, tier: Tier | None) -> ResponseReturnValue:
    """All in one transaction, with one Undo for all of them."""
    ids = list(db.session.scalars(moving.chosen(meant.ids, meant.asked).limit(MOST_TICKED)))
    with answering({}):
        moved = moving.move_all(ids, tier)
        db.session.commit()
    said = f"{count(len(moved.entries), 'user')} moved to {label(tier)}. {moved.sentence}"
    return redirect_with(meant.back, Toast(said.strip(" ").removesuffix("."), *undo_of(moved)))


def label(tier: Tier | None) -> str:
    return tier.label if tier else "no tier"


def undo_of(moved: moving.Moved) -> tuple[Any, ...]:
    """Where Undo leads, and by which entries of the trail it knows what to take back."""
    if not moved.entries:
        return ()
    numbers = [entry.id for entry in moved.entries]
    ends = {"first": min(numbers), "last": max(numbers), "undo": "1"}
    return url_for("users.undo_move"), ends


@users.post(f"{PATH}/undo")
@operators_only
def undo_move() -> ResponseReturnValue:
    """Put back those who were moved by one press, but for whoever was moved again since."""
    first, last = (number(request.form.get(name, "")) for name in ("first", "last"))
    back, late = 0, 0
    for identifier in db.session.scalars(moving.of_one_move(first, last, current_user.id)).all():
        try:
            with answering({}):
                put_back(db.session.get_one(Event, identifier))
                db.session.commit()
            back += 1
        except (Stale, Refused):
            db.session.rollback()
            late += 1
    if not back and not late:
        raise Refused("There is nothing here that could be undone.")
    rest = f". {moving.were(late)} changed again since" if late else ""
    toast = Toast(f"{count(back, 'user')} moved back{rest}")
    return redirect_with(page_before(url_for("users.index")), toast)
