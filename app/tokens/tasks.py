"""What is removed when nobody looks for it any more."""

from app.extensions import db
from app.repeats import KeptAnswer
from app.tasks import housekeeping
from app.tokens.models import ApiToken


@housekeeping
def forget_expired_tokens() -> None:
    """Take away tokens that expired a month ago, and answers that were kept for a second try."""
    db.session.execute(ApiToken.long_over())
    db.session.execute(KeptAnswer.over())
    db.session.commit()
