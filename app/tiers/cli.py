"""Commands for operators: tiers and their limits, by the same rules as the pages."""

import json

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from app.commands import follow, limits_commands
from app.errors import Missing, Taken, answering
from app.extensions import db
from app.tiers import deeds
from app.tiers.checks import orphans
from app.tiers.models import RateLimit, Tier
from app.tiers.routes import Route, limited_routes, route_named
from app.tiers.rules import Count, Period, TierName


def tier_named(name: str) -> Tier:
    tier = db.session.scalar(Tier.by_name(name))
    if tier is None:
        names = ", ".join(db.session.scalars(select(Tier.name).order_by(Tier.name))) or "none"
        raise click.ClickException(f"There is no tier named {name!r}. Tiers: {names}.")
    return tier


def route_meant(text: str) -> Route:
    """What ``route_named`` finds, or the end of the command."""
    try:
        return route_named(text)
    except Missing as missing:
        raise click.ClickException(str(missing.description)) from None


@click.command("create-tier")
@click.argument("name")
@click.option("--if-missing", is_flag=True, help="Leave an existing tier alone and succeed.")
@click.option("--like", help="Give it all the limits that this tier has now.")
@with_appcontext
def create_tier(name: str, if_missing: bool, like: str | None) -> None:
    """Make the tier NAME, without limits of its own unless it is --like another."""
    name = follow(TierName, name, "NAME")
    if if_missing and db.session.scalar(Tier.by_name(name)):
        return
    limits = [limit.twin() for limit in tier_named(like).limits] if like is not None else []
    try:
        with answering({"name": f"There is already a tier named {name}."}):
            deeds.add(Tier(name=name, limits=limits))
            db.session.commit()
    except Taken as taken:
        raise click.ClickException(taken.sentence) from None
    click.echo(f"Made the tier {name}" + (f" with the limits of {like}" if like else ""))


@limits_commands.command("list")
@click.argument("tier", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def list_limits(tier: str | None, as_json: bool) -> None:
    """List the limits of TIER, or of every tier."""
    tiers = [tier_named(tier)] if tier else db.session.scalars(Tier.all_by_name()).all()
    rows = [(each, limit) for each in tiers for limit in each.limits]
    if as_json:
        click.echo(json.dumps([as_dict(each, limit) for each, limit in rows], indent=2))
        return
    for each, limit in rows:
        route = limited_routes().get(limit.route)
        path = f"{limit.methods} {route.path}" if route else f"{limit.route} (gone)"
        click.echo(f"{each.name:<20} {path:<30} {limit.on_record}")
    if not rows:
        click.echo("No limits are set. Every route allows the default.")


def as_dict(tier: Tier, limit: RateLimit) -> dict[str, object]:
    numbers = {"limit": limit.limit, "period": limit.period, "observed": limit.observed}
    return {"tier": tier.name, "route": limit.route, "methods": limit.methods, **numbers}


@limits_commands.command("set")
@click.argument("tier")
@click.argument("route")
@click.argument("limit")
@click.argument("period")
@click.option(
    "--observe/--enforce",
    "observed",
    default=None,
    help="Only report what it would refuse, or refuse it. Left out, it stays as it is.",
)
def set_limit(tier: str, route: str, limit: str, period: str, observed: bool | None) -> None:
    """Let TIER call ROUTE at most LIMIT times per PERIOD, from the next request.

    ROUTE is a limited route, such as /tasks or jobs.start; PERIOD is in seconds, or in words such
    as "15 minutes".
    """
    owner, meant = tier_named(tier), route_meant(route)
    rule = owner.limit_for(meant.key)
    requests, seconds = follow(Count, limit, "LIMIT"), follow(Period, period, "PERIOD")
    if rule is None:
        rule = RateLimit(route=meant.key, methods=" ".join(meant.methods))
        rule.limit, rule.period, rule.observed = requests, seconds, bool(observed)
        deeds.add_limit(owner, rule)
    else:
        deeds.change_limit(rule, requests, seconds, observed)
    db.session.commit()
    click.echo(f"{owner.name}: {meant.name} allows {rule.on_record}")


@limits_commands.command("remove")
@click.argument("tier")
@click.argument("route")
def remove_limit(tier: str, route: str) -> None:
    """Remove the limit of TIER on ROUTE; the default applies from the next request."""
    owner = tier_named(tier)
    rule = owner.limit_for(route) or owner.limit_for(route_meant(route).key)
    if rule is None:
        raise click.ClickException(f"{owner.name} has no limit on {route}.")
    deeds.remove_limit(owner, rule)
    db.session.commit()
    click.echo(f"{owner.name}: the limit on {rule.route} is removed")


@limits_commands.command("check")
def check_limits() -> None:
    """Fail when a stored limit names a route that is gone or is not limited any more.

    For a deploy step: such a limit limits nothing.
    """
    problems = orphans()
    for sentence in problems:
        click.echo(sentence, err=True)
    if problems:
        raise click.exceptions.Exit(1)
    click.echo("Every limit is on a route that counts.")
