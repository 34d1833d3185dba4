"""The list of people as a file."""

from collections.abc import Iterator, Sequence

from sqlalchemy import func, select

from app.extensions import db
from app.tasks import Running, task
from app.users.models import User
from app.users.sheets import as_csv, harmless

COUNT, WRITE = "Count the users", "Write the file"
COLUMNS = ("id", "name", "username", "email", "tier", "state", "joined", "last_seen")
BATCH = 1000


@task("Users export", steps=(COUNT, WRITE), operators_only=True)
def export_users(job: Running) -> dict[str, int]:
    """Write every living person as a row of CSV (RFC 4180), a thousand at a time."""
    job.step(COUNT)
    living = User.deleted_at.is_(None)
    total = db.session.scalar(select(func.count()).select_from(User).where(living)) or 0
    job.step(WRITE)
    job.write("users.csv", as_csv([COLUMNS]))
    done = 0
    for people in batches():
        job.write("users.csv", as_csv([row_of(user) for user in people]))
        done += len(people)
        job.progress(min(99, done * 100 // max(1, total)), f"{done:,} of {total:,} users")
    return {"users": done}


def batches() -> Iterator[Sequence[User]]:
    """Living people by id, each batch in a transaction of its own."""
    last = 0
    while True:
        query = select(User).where(User.id > last, User.deleted_at.is_(None)).order_by(User.id)
        people = db.session.scalars(query.limit(BATCH)).unique().all()
        if not people:
            return
        last = people[-1].id
        yield people
        db.session.expunge_all()


def row_of(user: User) -> tuple[object, ...]:
    seen = user.last_seen_at.isoformat() if user.last_seen_at else ""
    tier = user.tier.name if user.tier else ""
    joined = user.created_at.isoformat()
    texts = (user.name, user.username, user.email, tier, user.state, joined, seen)
    return (user.id, *(harmless(text) for text in texts))
