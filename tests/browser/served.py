"""The application as browsers get it in these tests, with one door that fails on purpose."""

from app import create_app
from app.config import load_settings
from tests.quick_hashes import use_quick_hashes

use_quick_hashes()
app = create_app(load_settings(_env_file=None))


@app.get("/fails")
def fails() -> str:
    raise RuntimeError("This door always fails.")
