"""What is asked about a post."""

from typing import Any

from wtforms import HiddenField, StringField, TextAreaField

from app.forms import Follows, Form
from app.posts.models import Post
from app.posts.rules import MediaUrl, PostText, Title


def trimmed(value: str | None) -> str:
    return (value or "").strip()


def trimmed_or_none(value: str | None) -> str | None:
    return trimmed(value) or None


def with_plain_ends(value: str | None) -> str:
    """Browsers end each line of a text with two characters (HTML, 4.10.21.4); one is kept."""
    return (value or "").replace("\r\n", "\n")


class PostForm(Form):
    title = StringField("Title", [Follows(Title)], filters=[trimmed])
    text = TextAreaField("Text", [Follows(PostText)], filters=[with_plain_ends])
    media_url = StringField("Picture or film", [Follows(MediaUrl)], filters=[trimmed_or_none])
    version = HiddenField()

    @classmethod
    def of(cls, post: Post) -> "PostForm":
        """The form filled in with what is saved."""
        values = {"title": post.title, "text": post.text, "media_url": post.media_url}
        return cls(formdata=None, data={**values, "version": post.version})

    @property
    def values(self) -> dict[str, Any]:
        return {name: self[name].data for name in ("title", "text", "media_url")}
