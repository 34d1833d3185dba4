"""What the web server imports; python -m app.server starts it."""

import gc
import signal
import sys
import threading

# A worker process inherits a handler from granian's main process that does nothing in it, and sets
# its own only once we are loaded: without this, a SIGTERM that comes meanwhile would be lost.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

# What is loaded now stays: looking through it for garbage would only take a fifth longer.
gc.disable()

from app import create_app  # noqa: E402
from app.config import InvalidSettings  # noqa: E402

try:
    app = create_app()
except InvalidSettings as problem:
    sys.exit(f"The settings are not usable:\n{problem}")

gc.freeze()
gc.enable()
