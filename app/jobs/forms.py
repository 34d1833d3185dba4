"""What may be submitted about a task."""

from wtforms import SelectField, StringField
from wtforms.validators import Length, ValidationError

from app.forms import Form
from app.tasks import TASKS
from app.users.models import User

LONGEST_NAME = 120
TOO_LONG = f"Use {LONGEST_NAME} characters or fewer"


def plain(text: str | None) -> str:
    """``text`` on one line, without space around it."""
    return " ".join((text or "").split())


class StartForm(Form):
    task = SelectField("Task", validate_choice=False)
    message = StringField("Name", [Length(max=LONGEST_NAME, message=TOO_LONG)], [plain])

    def __init__(self, user: User, **kwargs: object) -> None:
        super().__init__(**kwargs)
        offered = [kind for kind in TASKS.values() if kind.by_hand]
        allowed = [kind for kind in offered if user.is_superuser or not kind.operators_only]
        self.task.choices = [(kind.name, kind.title) for kind in allowed]

    def validate_task(self, field: SelectField) -> None:
        if field.data not in dict(field.choices):
            raise ValidationError("Choose a task from the list")
