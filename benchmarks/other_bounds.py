"""The application with other bounds on hashing, for benchmarks.passwords alone."""

import os
from threading import BoundedSemaphore

from app import passwords
from wsgi import app

__all__ = ["app"]

at_once, places = os.environ["BENCHMARK_BOUNDS"].split()
passwords.AT_ONCE = BoundedSemaphore(int(at_once))
passwords.LINE.places = BoundedSemaphore(int(places))
