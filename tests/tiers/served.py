"""What granian serves in tests of limits: the application, from the environment alone.

The .env file of this machine decides no test.
"""

from app import create_app
from app.config import load_settings

app = create_app(load_settings(_env_file=None))
