"""Commands for operators: people, by the same rules as the pages."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import select

from app.commands import follow
from app.errors import Refused, Stale, Taken
from app.extensions import db
from app.mail.sending import has_mail
from app.tiers.models import Tier
from app.users import deeds
from app.users.found import STATES, matching, order
from app.users.models import User
from app.users.rules import EmailAddress, Password, PersonName, Username

users_commands = AppGroup("users", help="List people, move them, shut them out, bring them back.")


def person(username: str) -> User:
    user = db.session.scalar(User.by_username(username))
    if user is None:
        raise click.ClickException(f"There is no user named {username!r}.")
    return user


@click.command("create-admin")
@click.option("--name", default="Admin", show_default=True)
@click.option("--username", prompt=True)
@click.option("--email", prompt=True)
@click.option("--password", help="Left out, one is generated and printed once.")
@click.option("--if-missing", is_flag=True, help="Do nothing if there is a superuser already.")
@with_appcontext
def create_admin(
    name: str, username: str, email: str, password: str | None, if_missing: bool
) -> None:
    """Make a superuser."""
    if if_missing and db.session.scalar(User.superusers().limit(1)):
        return
    chosen = follow(Password, password, "--password") if password else secrets.token_urlsafe(16)
    user = User(is_superuser=True, name=follow(PersonName, name, "--name"))
    user.username = follow(Username, username, "--username")
    user.email = follow(EmailAddress, email, "--email")
    user.set_password(chosen)
    with refusals_as_sentences():
        deeds.add(user)
    click.echo(f"Made the superuser {user.username}")
    if not password:
        click.echo(f"Sign in with this password, it is shown only once: {chosen}")


@contextmanager
def refusals_as_sentences() -> Iterator[None]:
    """What the rules refuse inside the block ends the command with exit code 1."""
    try:
        yield
    except Taken as taken:
        raise click.ClickException(f"{taken.sentence.rstrip('.')}.") from None
    except Refused as refused:
        raise click.ClickException(str(refused)) from None
    except Stale:
        text = "Somebody else changed this meanwhile. Look at it again, then repeat the command."
        raise click.ClickException(text) from None


@users_commands.command("list")
@click.option("--search", default="", help="Words in the name, username or email.")
@click.option("--tier", default="", help="Only this tier; - for people without one.")
@click.option("--state", default="", type=click.Choice(["", *STATES]), help="Only this state.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def list_users(search: str, tier: str, state: str, limit: int, as_json: bool) -> None:
    """List people."""
    query = order("name").sort(matching(q=search, tier=tier, state=state)).limit(limit)
    rows = [as_dict(user) for user in db.session.scalars(query).unique()]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        tier_name = row["tier"] or "-"
        click.echo(f"{row['username']:<20} {tier_name:<12} {row['state']:<12} {row['email']}")
    if not rows:
        click.echo("No users match.")


def as_dict(user: User) -> dict[str, str | None]:
    return {
        "username": user.username,
        "name": user.name,
        "email": user.email,
        "tier": user.tier.name if user.tier else None,
        "state": user.state,
    }


@users_commands.command("set-tier")
@click.argument("username")
@click.argument("tier")
def set_tier(username: str, tier: str) -> None:
    """Move USERNAME to TIER (- for no tier); its limits apply from the next request."""
    user = person(username)
    chosen = None if tier == "-" else db.session.scalar(Tier.by_name(tier))
    if chosen is None and tier != "-":
        names = ", ".join(db.session.scalars(select(Tier.name).order_by(Tier.name))) or "none"
        raise click.ClickException(f"There is no tier named {tier!r}. Tiers: {names}.")
    with refusals_as_sentences():
        deeds.move(user, chosen)
    click.echo(f"{user.username} is on {chosen.name if chosen else 'no tier'}")


@users_commands.command("deactivate")
@click.argument("username")
def deactivate(username: str) -> None:
    """Shut USERNAME out; the data stays."""
    user = person(username)
    with refusals_as_sentences():
        deeds.deactivate(user)
    click.echo(f"{username} is deactivated")


@users_commands.command("promote")
@click.argument("username")
def promote(username: str) -> None:
    """Make USERNAME an operator."""
    with refusals_as_sentences():
        deeds.promote(person(username))
    click.echo(f"{username} is an operator")


@users_commands.command("demote")
@click.argument("username")
def demote(username: str) -> None:
    """Take the operator role from USERNAME."""
    with refusals_as_sentences():
        deeds.demote(person(username))
    click.echo(f"{username} is no operator")


@users_commands.command("require-reset")
@click.argument("username")
def require_reset(username: str) -> None:
    """Let USERNAME in only after a reset of the password by mail."""
    if not has_mail():
        raise click.ClickException("Set SMTP_HOST first: without mail they could not get back in.")
    with refusals_as_sentences():
        deeds.require_reset(person(username))
    click.echo(f"{username} is signed out and asks for a link with “Forgot password?”")


@users_commands.command("restore")
@click.argument("username")
def restore(username: str) -> None:
    """Bring USERNAME back, whether deleted or deactivated."""
    user = db.session.scalar(User.any_by_username(username))
    if user is None:
        raise click.ClickException(f"There is no user named {username!r}.")
    deeds.note_activation(user)
    user.activate()
    with refusals_as_sentences():
        deeds.restore(user)
    click.echo(f"{username} is active")
