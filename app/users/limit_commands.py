"""Commands for operators: what limits a person on a route, by the answer that the doors give."""

import json
import time

import click

from app.commands import limits_commands
from app.errors import Missing
from app.extensions import counters, db, network_of
from app.tiers.explained import from_outside, in_words
from app.tiers.limits import Caller, Standing, caller_of, standing, standings
from app.tiers.routes import route_answering
from app.users.models import User

STRANGER = "-"
ALONE = (
    "Without Redis each process has counts of its own, so nobody outside can watch them. Set "
    "REDIS_RATE_LIMIT_HOST, or look at the person's page."
)


def caller_named(login: str, address: str) -> Caller:
    """A person by username or address; ``-`` is a stranger at ``address``."""
    if login == STRANGER:
        return Caller(f"address:{network_of(address)}", None, is_person=False)
    user = db.session.scalar(User.by_login(login))
    if user is None:
        raise click.ClickException(f"There is no user named {login!r}.")
    return caller_of(user)


@limits_commands.command("explain")
@click.argument("user")
@click.argument("method")
@click.argument("path")
@click.option("--address", default="127.0.0.1", show_default=True, help="Where a stranger is.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def explain(user: str, method: str, path: str, address: str, as_json: bool) -> None:
    """Tell what limits USER when they send METHOD to PATH: explain bob POST /tasks.

    USER is a username or an email address, or - for somebody who is not signed in.
    """
    caller = caller_named(user, address)
    try:
        route = route_answering(method, path)
    except Missing as missing:
        raise click.ClickException(str(missing.description)) from None
    if route is None:
        click.echo("null" if as_json else f"{method.upper()} {path} is not limited.")
        return
    found = standing(caller, route)
    click.echo(json.dumps(from_outside(found), indent=2) if as_json else in_words(found))


@limits_commands.command("watch")
@click.argument("user")
@click.option("--every", default=1.0, show_default=True, help="Seconds between two looks.")
@click.option("--looks", type=int, help="Stop after so many; left out, until Ctrl-C.")
def watch(user: str, every: float, looks: int | None) -> None:
    """Print the counts of USER whenever one changes, until Ctrl-C."""
    if counters.is_lone:
        raise click.ClickException(ALONE)
    seen, done = "", 0
    while looks is None or done < looks:
        db.session.rollback()  # each look sees what is stored by then
        now = "\n".join(map(line, standings(caller_named(user, ""))))
        if now != seen:
            click.echo(now)
        seen, done = now, done + 1
        if done != looks:
            time.sleep(every)


def line(standing: Standing) -> str:
    at = f"{standing.reset_at:%H:%M:%S}"
    used = f"{standing.used}/{standing.limit}"
    return f"{standing.route.name:<24} {used:>12}  {standing.phrase}, resets at {at} UTC"
