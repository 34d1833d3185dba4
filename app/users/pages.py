"""People, for operators: find, read and add them. More doors: edit_pages, standing_pages."""

import difflib
from functools import partial
from typing import Any

from flask import Blueprint, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import search
from app.access import operators_only
from app.errors import Missing, Refused, Taken
from app.extensions import db
from app.htmx import Toast, announcing, page_before, redirect_with, render
from app.mail.sending import has_mail, this_site
from app.paging import Page, Wanted
from app.tiers.limits import caller_of, standings
from app.tiers.models import Tier
from app.tries import count_try
from app.users import deeds, found, links
from app.users.belongings import BELONGINGS
from app.users.forms import NewUserForm, ProfileForm, TierForm
from app.users.mail_tasks import mail_invitation
from app.users.models import User

users = Blueprint("users", __name__, url_prefix="/users")

MOST_MAILS = 5  # invitations to one person an hour
ORDERS = {order for sort in found.SORTS for order in (sort, f"-{sort}")}


@users.get("")
@operators_only
def index() -> ResponseReturnValue:
    context = listing()
    page: Page = context["page"]
    said = f"{page.in_all.count('user')} found" if page.total else "No users match"
    if page.number > 1:
        said = f"Page {page.number} of {page.in_pages}"
    return announcing(render("users/index.html", "users/_results.html", **context), said)


def listing() -> dict[str, Any]:
    """What the list shows, as the address asks for it."""
    words = {name: request.args.get(name, "").strip()[:100] for name in ("q", "tier", "seen")}
    state = request.args.get("state", "")
    state = state if state in found.STATES else ""
    sort = request.args.get("sort", "")
    sort = sort if sort in ORDERS else "-seen"
    asked = {**words, "state": state, "sort": sort}
    counts = found.counts(**words)
    people = found.matching(**words, state=state)
    page = Page.of(people, found.order(sort), counts[state], Wanted.by_address())
    back = address(asked, **page.place)
    return {
        "asked": asked,
        "address": partial(address, asked),
        "counts": counts,
        "page": page,
        "newest": search.NEWEST if words["q"] and search.is_bounded(User) else None,
        "tiers": db.session.scalars(Tier.all_by_name()).all(),
        **open_editor(page, back),
    }


def address(asked: dict[str, str], **changes: Any) -> str:
    """The list as it is on screen, but for ``changes``; what is usual is left out."""
    usual = {"sort": "-seen", "page": "1"}
    wanted = {key: str(value) for key, value in {**asked, **changes}.items()}
    kept: dict[str, Any] = {
        key: value for key, value in wanted.items() if value and usual.get(key) != value
    }
    return url_for("users.index", **kept)


def open_editor(page: Page, back: str) -> dict[str, Any]:
    """The row that ``?edit=`` opens, where there is no script to open it."""
    wanted = request.args.get("edit")
    shown = (user for user in page.items if user.username == wanted and not user.is_deleted)
    user = next(shown, None)
    return {"editing": user, "form": ProfileForm.of(user, back) if user else None}


@users.get("/new-user")
@operators_only
def new() -> ResponseReturnValue:
    first_tier = current_app.config["SETTINGS"].tier_name
    return render_template("users/new.html", form=NewUserForm(data={"tier": first_tier}))


@users.post("/new-user")
@operators_only
def create() -> ResponseReturnValue:
    form = NewUserForm()
    if not form.validate():
        return render("users/new.html", "users/_new.html", form=form), 422
    user = User()
    form.apply_to(user)
    try:
        deeds.add(user, and_then=invite)
    except Taken as taken:
        form.refuse(taken.field, taken.sentence)
        return render("users/new.html", "users/_new.html", form=form), 422
    said = f"{user.name} added" + (". The invitation is mailed." if has_mail() else "")
    return redirect_with(url_for(".show", username=user.username), Toast(said))


def invite(user: User) -> None:
    """Mail them a link; where no mail works, an operator hands over the one on their page."""
    if has_mail():
        mail_invitation.enqueue(user_id=user.id, site=this_site())


@users.post("/<username>/invite")
@operators_only
def invite_again(username: str) -> ResponseReturnValue:
    """Another mail to somebody who has not chosen a password yet."""
    user = living(username)
    if user.state != "invited" or not has_mail():
        raise Refused(f"{user.name} cannot be invited by mail.")
    count_try(f"invitation/{user.id}", MOST_MAILS, 3600, again="mail the link again")
    invite(user)
    db.session.commit()
    return redirect_with(page_of(user), Toast(f"Another link is on its way to {user.email}"))


@users.get("/<username>")
@operators_only
def show(username: str) -> ResponseReturnValue:
    user = db.session.scalar(User.any_by_username(username)) or living(username)
    return render_template("users/show.html", **about(user))


@users.get("/id/<int(max=2147483647):id>")
@operators_only
def find_by_id(id: int) -> ResponseReturnValue:
    """Where the audit trail leads: to the person, whatever they are called by now."""
    user = db.session.get(User, id)
    if user is None:
        raise Missing("There is no such user any more.")
    if user.is_deleted:
        return redirect_with(url_for(".index", q=user.username, state="deleted"))
    return redirect_with(url_for(".show", username=user.username))


def living(username: str) -> User:
    """The living person of that name, or 404 with the names that come near."""
    user = db.session.scalar(User.by_username(username))
    if user is not None:
        return user
    near = difflib.get_close_matches(
        username, db.session.scalars(User.usernames_like(username[:2]))
    )
    matches = [(name, url_for("users.show", username=name)) for name in near]
    raise Missing("There is no user of that name. They may have been renamed or deleted.", matches)


def about(user: User) -> dict[str, Any]:
    """What a person's page shows."""
    invitation = None
    if user.state == "invited" and not has_mail():  # else nobody but its owner ever sees one
        invitation = url_for("auth.welcome", token=links.invitation(user), _external=True)
    return {
        "user": user,
        "form": TierForm.of(user),
        "standings": [] if user.is_deleted else standings(caller_of(user)),
        "invitation": invitation,
        "has_mail": has_mail(),
        "changed": False,
        "reset": False,
        "belongings": [] if user.is_deleted else BELONGINGS,
    }


def page_of(user: User) -> str:
    """Where a deed was done: the list with its filters, or the person's own page."""
    return page_before(url_for("users.show", username=user.username))


def too_late(user: User) -> Toast:
    """Undo was pressed, but it is not any more as it was."""
    return Toast(f"This changed again since. Open {user.name} to edit.")
