"""What is removed when nobody looks for it any more."""

from app.extensions import db
from app.posts.models import Post
from app.tasks import housekeeping


@housekeeping
def forget_deleted_posts() -> None:
    """Take posts out of the database that were deleted a month ago."""
    db.session.execute(Post.long_deleted())
    db.session.commit()
