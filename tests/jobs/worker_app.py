"""What `flask --app tests.jobs.worker_app worker` runs: the application, and the tasks of kinds.py.

Everything comes from the environment; the .env file of this machine decides no test.
"""

from app import create_app
from app.config import load_settings
from tests.jobs.kinds import declare_all

declare_all()
app = create_app(load_settings(_env_file=None))
