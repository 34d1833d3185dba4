"""Operators bring people in from a CSV file: it is looked at here, and read by a task."""

from io import BytesIO
from typing import Any

from flask import Response, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.exceptions import RequestEntityTooLarge

from app.access import operators_only
from app.audit.trail import printable
from app.bodies import UPLOADS
from app.errors import answer_http
from app.extensions import db
from app.htmx import redirect_with
from app.mail.sending import has_mail, this_site
from app.users.forms import ImportForm
from app.users.import_tasks import import_users
from app.users.pages import users
from app.users.people_file import COLUMNS, IGNORED, MOST_BYTES, MOST_ROWS, Unreadable, rows_in
from app.users.sheets import as_csv

# Without a hyphen it would be somebody's page: usernames have none.
PATH = "/import-csv"
AROUND = 65_536  # bytes of a form around its file
TOO_LARGE = f"The file is larger than {MOST_BYTES // 1024 // 1024} MB. Split it."
UPLOADS[f"{users.url_prefix}{PATH}"] = MOST_BYTES + AROUND


@users.url_value_preprocessor
def let_operators_send_more(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Before anything reads the form; from everybody else it takes no more than other doors do."""
    if is_import() and current_user.is_authenticated and current_user.is_superuser:
        usual = current_app.config["SETTINGS"].max_request_bytes
        request.max_content_length = max(usual, MOST_BYTES + AROUND)


def is_import() -> bool:
    return request.endpoint == "users.start_import" and request.method == "POST"


@users.get(PATH)
@operators_only
def new_import() -> ResponseReturnValue:
    return drawn(ImportForm())


@users.post(PATH)
@operators_only
def start_import() -> ResponseReturnValue:
    """Refuse what cannot be read as a whole; the rows are looked at by the task."""
    form, upload = ImportForm(), request.files.get("file")
    if upload is None or not upload.filename:
        return refused(form, "Choose a CSV file")
    data = upload.read()
    if len(data) > MOST_BYTES:
        return refused(form, TOO_LARGE)
    try:
        rows = rows_in(BytesIO(data))
    except Unreadable as error:
        return refused(form, str(error))
    me, what = current_user._get_current_object(), "Check" if form.check.data else "Import"
    name = printable(f"{what} of {upload.filename}", 120)
    asking = import_users.options(owner=me, name=name, input=data)
    job = asking.enqueue(by=me.id, site=this_site(), rows=rows, check=form.check.data)
    db.session.commit()
    return redirect_with(url_for("jobs.show", id=job.id))


def drawn(form: ImportForm) -> str:
    first = current_app.config["SETTINGS"].tier_name
    facts = {"columns": COLUMNS, "ignored": IGNORED, "most_rows": MOST_ROWS, "first_tier": first}
    facts |= {"most_megabytes": MOST_BYTES // 1024 // 1024, "has_mail": has_mail()}
    return render_template("users/import.html", form=form, **facts)


def refused(form: ImportForm, sentence: str, status: int = 422) -> ResponseReturnValue:
    form.file.errors = [sentence]
    return drawn(form), status


@users.errorhandler(RequestEntityTooLarge)
def answer_too_large(error: RequestEntityTooLarge) -> ResponseReturnValue:
    """The form with a sentence at its field, where that was an operator's file."""
    if is_import() and current_user.is_authenticated and current_user.is_superuser:
        return refused(ImportForm(formdata=None), TOO_LARGE, 413)
    return answer_http(error)


@users.get(f"{PATH}/example")
@operators_only
def example() -> ResponseReturnValue:
    """A file to begin with."""
    tier = current_app.config["SETTINGS"].tier_name
    rows = [("Amara Okafor", "amara", "amara@example.com", tier)]
    rows += [("Wei Zhang", "wei", "wei@example.com", "")]
    response = Response(as_csv([COLUMNS, *rows]), mimetype="text/csv")
    response.headers.set("Content-Disposition", "attachment", filename="people.csv")
    return response
