"""Mails that were not sent, because this is a developer's machine without a mail server."""

from datetime import datetime

from sqlalchemy import Select, String, Text, select
from sqlalchemy.orm import Mapped, mapped_column

from app.database import now
from app.extensions import Model


class Mail(Model):
    """A mail as it would have been sent. Filled in ``local`` without SMTP only."""

    __tablename__ = "mails"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(default=now)
    to: Mapped[str] = mapped_column(String(254))
    subject: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    html: Mapped[str] = mapped_column(Text)

    @classmethod
    def newest(cls) -> Select["Mail"]:
        return select(cls).order_by(cls.id.desc())
