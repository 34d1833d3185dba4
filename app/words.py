"""Numbers, times and limits as people say them."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import Flask
from flask_login import current_user

from app.database import now

UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def init_app(app: Flask) -> None:
    """Give templates these words as filters."""
    for word in (number, count, per, duration, clock, when, moment, day, ago, until, iso):
        app.add_template_filter(word)


def number(value: int) -> str:
    """Thousands separated: 1,284."""
    return f"{value:,}"


def count(value: int, noun: str, plural: str | None = None) -> str:
    """Say "1 user", "1,284 users"."""
    return f"{number(value)} {noun if value == 1 else plural or noun + 's'}"


def split_period(seconds: int) -> tuple[int, str]:
    """The largest unit that divides ``seconds``: 3600 is (1, "hour"), 5400 is (90, "minute")."""
    for unit, size in UNITS:
        if seconds % size == 0:
            return seconds // size, unit
    return seconds, "second"


def per(seconds: int) -> str:
    """Say "per hour", "per 15 minutes"."""
    times, unit = split_period(seconds)
    return f"per {unit}" if times == 1 else f"per {count(times, unit)}"


def allowance(limit: int, period: int) -> str:
    """Say "10 requests per hour"."""
    return f"{count(limit, 'request')} {per(period)}"


def duration(seconds: float) -> str:
    """Say "0.8 s", "41 s", "1 min 20 s", "9 h 23 min"."""
    if seconds < 10:
        return f"{max(seconds, 0.1):.1f} s".replace(".0 s", " s")
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{number(hours)} h {minutes} min" if minutes else f"{number(hours)} h"


def until(moment: datetime) -> str:
    """How long it is until ``moment``, roundly: "in 23 min", "in 40 s"."""
    left = max(1, round((moment - now()).total_seconds()))
    if left < 60:
        return f"in {left} s"
    return f"in {duration((left + 59) // 60 * 60)}"


def zone() -> ZoneInfo:
    """The signed-in person's time zone, UTC for strangers."""
    try:
        return ZoneInfo(getattr(current_user, "time_zone", None) or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def clock(moment: datetime, seconds: bool = False) -> str:
    """Say "15:00" in the person's zone."""
    return moment.astimezone(zone()).strftime("%H:%M:%S" if seconds else "%H:%M")


def when(value: datetime, seconds_away: float) -> str:
    """Say "15:00", or "26 Nov 00:00" for a time that is a day away or more."""
    here = value.astimezone(zone())
    return f"{here.day} {here:%b %H:%M}" if seconds_away >= 86400 else f"{here:%H:%M}"


def moment(value: datetime) -> str:
    """Say "today 14:31", "12 Mar 18:02", "11 Nov 2023" in the person's zone."""
    here, today = value.astimezone(zone()), now().astimezone(zone())
    if here.date() == today.date():
        return f"today {here:%H:%M}"
    if here.date() == today.date() - timedelta(days=1):
        return f"yesterday {here:%H:%M}"
    return f"{here.day} {here:%b %H:%M}" if here.year == today.year else f"{here.day} {here:%b %Y}"


def day(value: datetime) -> str:
    """Say "Today, Friday 14 March", "Thursday 13 March", "11 November 2023"."""
    here, today = value.astimezone(zone()), now().astimezone(zone())
    if here.year != today.year:
        return f"{here.day} {here:%B %Y}"
    words = f"{here:%A} {here.day} {here:%B}"
    return f"Today, {words}" if here.date() == today.date() else words


def ago(value: datetime | None) -> str:
    """Say "Just now", "5 min ago", "3 hours ago", then the day."""
    if value is None:
        return "Never"
    seconds = (now() - value).total_seconds()
    if seconds < 60:
        return "Just now"
    if seconds < 3600:
        return f"{int(seconds // 60)} min ago"
    if seconds < 86400:
        return f"{count(int(seconds // 3600), 'hour')} ago"
    here, today = value.astimezone(zone()), now().astimezone(zone())
    return f"{here.day} {here:%b}" if here.year == today.year else f"{here.day} {here:%b %Y}"


def iso(value: datetime) -> str:
    """RFC 3339, for ``<time datetime>``."""
    return value.isoformat(timespec="seconds").replace("+00:00", "Z")
