"""Signing up and in, and choosing a password."""

from flask import current_app
from wtforms import BooleanField, HiddenField, PasswordField, StringField
from wtforms.validators import ValidationError

from app.forms import Follows, Form
from app.users import rules
from app.users.models import User
from app.users.rules import EmailAddress, Password, PersonName, Username


class SignInForm(Form):
    login = StringField("Username or email")
    password = PasswordField("Password")
    keep = BooleanField("Keep me signed in for 7 days")
    next = HiddenField()

    def validate_login(self, field: StringField) -> None:
        if not (field.data or "").strip():
            raise ValidationError("Enter your username or email address")

    def validate_password(self, field: PasswordField) -> None:
        if not field.data:
            raise ValidationError("Enter your password")


class ConfirmForm(Form):
    confirm_password = PasswordField("Your password")

    def validate_confirm_password(self, field: PasswordField) -> None:
        if not field.data:
            raise ValidationError("Enter your password")


class SecondStepForm(Form):
    code = StringField("Code of your app, or a recovery code")
    answer = HiddenField()

    def validate_code(self, field: StringField) -> None:
        if not (field.data or "").strip() and not self.answer.data:
            raise ValidationError("Enter a code")

    def say(self, field: str | None, sentence: str) -> None:
        """Put ``sentence`` beside ``field``, or above all of them."""
        if field:
            self.refuse(field, sentence)
        else:
            self.form_errors.append(sentence)


class PasskeySignInForm(Form):
    keep = BooleanField("Keep me signed in for 7 days")
    answer = HiddenField()
    next = HiddenField()


class FirstPasswordForm(Form):
    password = PasswordField("Choose a password", [Follows(Password)])

    def __init__(self, user: User, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self._user = user

    def validate_password(self, field: PasswordField) -> None:
        keep_names_out(field, self._user.username, self._user.email)


class SignUpForm(Form):
    name = StringField("Name", [Follows(PersonName)])
    username = StringField("Username", [Follows(Username)])
    email = StringField("Email", [Follows(EmailAddress)])
    password = PasswordField("Password", [Follows(Password)])

    def validate_password(self, field: PasswordField) -> None:
        keep_names_out(field, self.username.data or "", self.email.data or "")


class FinishSignUpForm(Form):
    username = StringField("Username", [Follows(Username)])
    password = PasswordField("The password you chose")

    def validate_password(self, field: PasswordField) -> None:
        if not field.data:
            raise ValidationError("Enter the password you chose")


class ForgotForm(Form):
    email = StringField("Email", [Follows(EmailAddress)])


class ChangePasswordForm(Form):
    # What is called password is never sent back to a page that waits (errors.kept_fields).
    current_password = PasswordField("Current password")
    new_password = PasswordField("New password", [Follows(Password)])

    def __init__(self, user: User, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self._user = user
        self.guessed_wrong = False

    def validate_current_password(self, field: PasswordField) -> None:
        if not field.data:
            raise ValidationError("Enter your current password")
        self.guessed_wrong = not self._user.has_password(field.data)
        if self.guessed_wrong:
            raise ValidationError("This is not your current password")

    def validate_new_password(self, field: PasswordField) -> None:
        keep_names_out(field, self._user.username, self._user.email)


def keep_names_out(field: PasswordField, username: str, email: str) -> None:
    product = current_app.config["SETTINGS"].app_name
    try:
        rules.keep_names_out(field.data or "", username, email, product)
    except ValueError as error:
        raise ValidationError(str(error)) from None
