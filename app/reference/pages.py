"""The API, for people who write programs: a page of ours, and the document in three shapes."""

from flask import Blueprint, Flask, Response, current_app, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.access import sign_in_required
from app.envelope import POLICY, versioned
from app.reference.examples import LANGUAGES, examples
from app.reference.listing import groups
from app.reference.openness import are_open, where_documents_are_open
from app.reference.published import published
from app.tiers.limits import caller_of

reference = Blueprint("reference", __name__)

# What Redoc puts into the page by script: an empty sheet, which it then fills by an interface that
# no policy minds, and the one of its scrollbars. Allowed by what they say, so it is these two only.
SHEETS = (
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
    "'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='",
)
POLICY_OF_REDOC = POLICY.replace("style-src 'self'", f"style-src 'self' {' '.join(SHEETS)}")


@reference.get("/developers/api")
@sign_in_required
def index() -> ResponseReturnValue:
    """How to call the API, in one language, and how much of each limit is left."""
    asked = request.args.get("in", "")
    language = asked if asked in LANGUAGES else next(iter(LANGUAGES))
    return render_template(
        "reference/index.html",
        language=language,
        languages=LANGUAGES,
        examples=examples(language),
        groups=groups(this_app(), caller_of(current_user)),
        documents_open=are_open(),
    )


def this_app() -> Flask:
    return current_app._get_current_object()  # type: ignore[attr-defined]


@reference.get("/openapi.json")
@where_documents_are_open
def openapi() -> ResponseReturnValue:
    """The document; whoever has it already is told so (304), by its version."""
    body, version = published(this_app())
    response = Response(body, content_type="application/json")
    response.set_etag(version)
    return response


@reference.get("/docs")
@where_documents_are_open
def swagger() -> ResponseReturnValue:
    return versioned(make_response(render_template("reference/docs.html")))


@reference.get("/redoc")
@where_documents_are_open
def redoc() -> ResponseReturnValue:
    response = make_response(render_template("reference/redoc.html"))
    response.headers["Content-Security-Policy"] = POLICY_OF_REDOC
    return versioned(response)
