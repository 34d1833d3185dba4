"""What the web server imports: granian --interface wsgi wsgi:app"""

import sys

from app import create_app
from app.config import InvalidSettings

try:
    app = create_app()
except InvalidSettings as problem:
    sys.exit(f"The settings are not usable:\n{problem}")
