"""What granian serves in tests of limits: the application, from the environment alone.

The .env file of this machine decides no test. Strangers have few tries at an account, so that the
tests need few.
"""

from app import create_app
from app.config import load_settings
from tests.tiers.web import EACH_STRANGER, STRANGERS

app = create_app(load_settings(_env_file=None))
app.config["SIGN_IN_STRANGERS"] = (STRANGERS, EACH_STRANGER)
