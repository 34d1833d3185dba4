"""What granian serves to schemathesis: the application without throttles, so that what is looked at
is never only "too often".
"""

from app import create_app
from app.config import load_settings
from app.extensions import limiter

app = create_app(load_settings(_env_file=None))
limiter.enabled = False
app.config["SIGN_IN_STRANGERS"] = (1_000_000, 1_000_000)
