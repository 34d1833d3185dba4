"""Everybody's own posts: written, read, changed and deleted. Operators read and delete others'."""

from typing import Any

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue

from app.access import operators_only, sign_in_required
from app.counting import total
from app.errors import Missing, Stale
from app.extensions import db
from app.htmx import Toast, announcing, redirect_with, render
from app.keyset import Order
from app.paging import Page, Wanted
from app.posts import deeds
from app.posts.forms import PostForm
from app.posts.models import Post
from app.users.me import myself
from app.users.models import User

posts = Blueprint("posts", __name__, url_prefix="/posts")

NUMBER = "<int(max=2147483647):id>"
GONE = "There is no such post. It may have been deleted."


@posts.get("")
@sign_in_required
def index() -> ResponseReturnValue:
    return listed("posts/index.html", myself())


@posts.get("/by/<username>")
@operators_only
def index_of(username: str) -> ResponseReturnValue:
    """What somebody wrote, for operators."""
    author = db.session.scalar(User.by_username(username))
    if author is None:
        raise Missing("There is no user of that name. They may have been renamed or deleted.")
    return listed("posts/index_of.html", author)


def listed(page: str, author: User) -> ResponseReturnValue:
    theirs = Post.of(author.id)
    found = Page.of(theirs, Order((Post.id,), descending=True), total(theirs), Wanted.by_address())
    said = f"Page {found.number} of {found.in_pages}" if found.total else "No posts"
    return announcing(render(page, "posts/_list.html", author=author, page=found), said)


@posts.get("/new")
@sign_in_required
def new() -> ResponseReturnValue:
    return render_template("posts/new.html", **asking(PostForm()))


@posts.post("")
@sign_in_required
def create() -> ResponseReturnValue:
    form = PostForm()
    if not form.validate():
        return render("posts/new.html", "posts/_form.html", **asking(form)), 422
    post = deeds.write(myself(), form.values)
    return redirect_with(url_for(".show", id=post.id), Toast(f"{post.title} is published"))


def asking(form: PostForm, post: Post | None = None, overtaken: bool = False) -> dict[str, Any]:
    """What the form of a new post shows, or of ``post``."""
    return {"form": form, "post": post, "overtaken": overtaken}


@posts.get(f"/{NUMBER}")
@sign_in_required
def show(id: int) -> ResponseReturnValue:
    return render_template("posts/show.html", post=living(id))


@posts.get(f"/{NUMBER}/edit")
@sign_in_required
def edit(id: int) -> ResponseReturnValue:
    post = mine(id)
    return render_template("posts/edit.html", **asking(PostForm.of(post), post))


@posts.post(f"/{NUMBER}")
@sign_in_required
def update(id: int) -> ResponseReturnValue:
    post, form = mine(id), PostForm()
    if not form.validate():
        return refused(form, post, 422)
    try:
        check_version(post, form.version.data)
        deeds.change(post, form.values, myself())
    except Stale:
        db.session.rollback()
        return overtaken(form, mine(id))
    return redirect_with(url_for(".show", id=id), Toast(f"{post.title} is saved"))


def check_version(post: Post, version: str | None) -> None:
    """Raise Stale when the form was drawn from an older state of ``post``."""
    if version and version != str(post.version):
        raise Stale


def refused(form: PostForm, post: Post, status: int, **more: Any) -> ResponseReturnValue:
    """The form again, with what was typed and what is wrong with it."""
    return render("posts/edit.html", "posts/_form.html", **asking(form, post, **more)), status


def overtaken(form: PostForm, post: Post) -> ResponseReturnValue:
    """409: what is saved by now, and one more press to keep one's own."""
    form.version.data = str(post.version)
    return refused(form, post, 409, overtaken=True)


@posts.post(f"/{NUMBER}/delete")
@sign_in_required
def delete(id: int) -> ResponseReturnValue:
    post = living(id)
    deeds.delete(post, myself())
    undo = url_for(".restore", id=id)
    return redirect_with(list_of(post), Toast(f"{post.title} is deleted", undo, {"undo": "1"}))


@posts.post(f"/{NUMBER}/restore")
@sign_in_required
def restore(id: int) -> ResponseReturnValue:
    post = db.session.scalar(Post.seen_by(myself(), id))
    if post is None or (post.is_deleted and not post.can_be_restored_by(myself())):
        raise Missing(GONE)
    if post.is_deleted:
        deeds.restore(post, myself())
    return redirect_with(list_of(post), Toast(f"{post.title} is back"))


def living(id: int) -> Post:
    """The post, for its author and for operators; as if there were none for others."""
    post = db.session.scalar(Post.seen_by(myself(), id).where(Post.deleted_at.is_(None)))
    if post is None:
        raise Missing(GONE)
    return post


def mine(id: int) -> Post:
    """The post, for its author: operators read and delete what others wrote, no more."""
    post = db.session.scalar(Post.of(myself().id).where(Post.id == id))
    if post is None:
        raise Missing(GONE)
    return post


def list_of(post: Post) -> str:
    """The list that a post is in, of whoever looks."""
    if post.created_by_user_id == myself().id:
        return url_for(".index")
    return url_for(".index_of", username=post.author.username)
