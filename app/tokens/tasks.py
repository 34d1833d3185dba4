"""What is removed when nobody looks for it any more."""

from app.extensions import db
from app.tasks import housekeeping
from app.tokens.models import ApiToken


@housekeeping
def forget_expired_tokens() -> None:
    """Take away tokens that expired a month ago."""
    db.session.execute(ApiToken.long_over())
    db.session.commit()
