"""The document of the API, and two ways to read it that others wrote; all of it from here."""

from flask import Blueprint, Response, current_app, make_response, render_template, request
from flask.typing import ResponseReturnValue

from app.envelope import POLICY
from app.reference.openness import where_documents_are_open
from app.reference.published import published

reference = Blueprint("reference", __name__)

# What Redoc puts into the page by script: an empty sheet, which it then fills by an interface that
# no policy minds, and the one of its scrollbars. Allowed by what they say, so it is these two only.
SHEETS = (
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
    "'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='",
)
POLICY_OF_REDOC = POLICY.replace("style-src 'self'", f"style-src 'self' {' '.join(SHEETS)}")


@reference.get("/openapi.json")
@where_documents_are_open
def openapi() -> ResponseReturnValue:
    """The document; whoever has it already is told so (304)."""
    body, version = published(current_app._get_current_object())  # type: ignore[attr-defined]
    response = Response(body, content_type="application/json")
    response.headers["Cache-Control"] = "private, no-cache"
    response.set_etag(version)
    return response.make_conditional(request)


@reference.get("/docs")
@where_documents_are_open
def swagger() -> ResponseReturnValue:
    return render_template("reference/docs.html")


@reference.get("/redoc")
@where_documents_are_open
def redoc() -> ResponseReturnValue:
    response = make_response(render_template("reference/redoc.html"))
    response.headers["Content-Security-Policy"] = POLICY_OF_REDOC
    return response
