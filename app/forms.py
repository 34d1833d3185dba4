"""The base form, and the validator that lets a field follow a rule said once."""

from collections.abc import Mapping
from typing import Any

from flask import request
from flask_wtf import FlaskForm
from pydantic import TypeAdapter, ValidationError
from wtforms import Field, SelectField
from wtforms.validators import StopValidation


class Form(FlaskForm):
    """A browser's form. CSRF is checked once per request at the door, not once per form."""

    class Meta(FlaskForm.Meta):
        csrf = False

        def wrap_formdata(self, _form: Any, formdata: Any) -> Any:
            """The text fields of a submitted form: never JSON, never a file where text belongs."""
            if formdata is None or hasattr(formdata, "getlist"):
                return formdata
            return None if request.method in ("GET", "HEAD") else request.form

    def refuse(self, field: str, sentence: str) -> None:
        """Put ``sentence`` beside ``field``, for what only the database can know."""
        self._fields[field].errors = [*self._fields[field].errors, sentence]

    def told_apart(self, saved: Mapping[str, str]) -> str:
        """What ``saved`` has by now and the form, typed before, has not: "Name is now “Bob”"."""
        changed = [
            f"{self[name].label.text} is now “{value or 'empty'}”"
            for name, value in saved.items()
            if (self[name].data or "") != value
        ]
        return "; ".join(changed) or "Nothing differs from what you typed"


class ChoiceField(SelectField):
    """A choice from a list, perhaps in groups, with a sentence of ours for anything else."""

    def pre_validate(self, form: object) -> None:
        if not any(choice[0] == self.data for choice in self.iter_all()):
            raise StopValidation("Choose one from the list")

    def iter_all(self) -> list[tuple[Any, ...]]:
        if not self.has_groups():
            return list(self.iter_choices())
        return [choice for _, choices in self.iter_groups() for choice in choices]


class Follows:
    """Let a field obey an annotated type from a feature's ``rules.py``, with its sentence.

    The field's data becomes what the rule returns (trimmed, lower-cased, a number).
    """

    def __init__(self, rule: Any) -> None:
        self._rule = TypeAdapter(rule)

    def __call__(self, _form: Any, field: Field) -> None:
        try:
            field.data = self._rule.validate_python(field.data)
        except ValidationError as error:
            raise StopValidation(sentence_of(error)) from None


def sentence_of(error: ValidationError) -> str:
    """The first problem as a sentence, without the value that was submitted."""
    message: str = error.errors(include_input=False, include_url=False)[0]["msg"]
    return message.removeprefix("Value error, ")
