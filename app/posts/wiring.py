"""Puts posts into the application: their doors, their place in the menu, what is on record."""

from app import context, parts
from app.audit.actions import ACTIONS, GROUPS
from app.posts import tasks  # noqa: F401 (its housekeeping)
from app.posts.api import posts_api
from app.posts.models import Post
from app.posts.pages import posts
from app.users.belongings import BELONGINGS, Belonging

parts.PAGES.append(posts)
parts.API.append(posts_api)

PLACES = ("index", "new", "create", "show", "edit", "update")
context.MORE_WAYS["jobs.index"] = (
    *("Posts", "posts.index", "book"),
    tuple(f"posts.{place}" for place in PLACES),
)

GROUPS["post"] = "Posts"
ACTIONS |= {
    "post.changed": ("post", "Changed the post “{detail}” of {subject}"),
    "post.deleted": ("post", "Deleted the post “{detail}” of {subject}"),
    "post.restored": ("post", "Restored the post “{detail}” of {subject}"),
    "post.erased": ("post", "Deleted the post “{detail}” of {subject} from the database"),
}

BELONGINGS.append(
    Belonging(
        name="posts",
        title="Posts",
        model=Post,
        columns=("title", "text", "media_url", "created_at", "updated_at", "deleted_at"),
        owner=Post.created_by_user_id,
        page="posts.index_of",
        batch=20,
    )
)
