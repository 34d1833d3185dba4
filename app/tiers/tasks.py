"""What workers do for limits every few minutes."""

from app.tasks import housekeeping
from app.tiers import usage


@housekeeping
def keep_usage() -> None:
    """Bring what was used into the table, and take away what is older than seven days."""
    usage.settle()
    usage.forget_past()
