"""What programs read about limits."""

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.access import sign_in_required
from app.tiers.explained import as_json
from app.tiers.limits import caller_of, standings

tiers_api = Blueprint("tiers_api", __name__, url_prefix="/api/v1")


@tiers_api.get("/rate_limits/me")
@sign_in_required
def mine() -> ResponseReturnValue:
    """Every limit that applies to whoever asks, the exhausted first. Asking costs no quota."""
    return jsonify(data=[as_json(each) for each in standings(caller_of(current_user))])
