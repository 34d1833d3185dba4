"""What schemathesis must not take for a fault, each with the reason why it is none."""

from typing import Any

import schemathesis

# What is true of these, no schema can say: it depends on what is stored, or on who asks.
BEYOND_SCHEMAS = {
    "name": "what has no picture in Unicode cannot be printed, in ranges all over it",
    "email": "people confirm a new address on their profile page; some domains take no mail",
    "password": "common ones, and those that hold the name, are refused",
    "cursor": "is one that an answer about the same list gave",
    "path": "must be a route of this application",
}


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """Whether it is a fault."""
    kind = type(failure).__name__
    if kind == "RejectedPositiveData" and response.status_code == 422:
        return not is_beyond_schemas(response.json()["detail"])
    if kind == "RejectedPositiveData" and response.status_code == 412:
        return "If-Match" not in case.headers  # it made a version up
    return True


def is_beyond_schemas(detail: Any) -> bool:
    """A sentence tells of a clash with what is stored (a name that is taken); a list, of fields."""
    return isinstance(detail, str) or all(
        wrong["loc"][-1] in BEYOND_SCHEMAS and wrong["type"] == "value_error" for wrong in detail
    )
