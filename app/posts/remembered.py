"""What was read before, kept for a minute in the cache, by the stamp of the author's posts.

Nothing has to be taken out: a change brings a new stamp, so the very next read asks for what is not
there yet, in whichever process. Only what everybody may see is kept, and plain values only.
"""

import json
from collections.abc import Callable
from typing import Any

import structlog

from app.extensions import cache

SECONDS = 60
LONGEST = 100_000  # characters: nobody fills the memory with what is asked for once

log = structlog.get_logger()


def remembered(stamp: str | None, what: str, read: Callable[[], Any]) -> Any:
    """What ``read`` says, or said under the same stamp; JSON values. Without a cache it is read
    each time.
    """
    if stamp is None:
        return read()
    key = f"posts/{stamp}/{what}"
    try:
        kept = cache.get(key)
    except Exception as error:  # slower, not broken
        log.warning("cache.away", error=type(error).__name__)
        return read()
    return json.loads(kept) if kept else keep(key, read())


def keep(key: str, value: Any) -> Any:
    text = json.dumps(value, ensure_ascii=False)
    if len(text) > LONGEST:
        return value
    try:
        cache.set(key, text, timeout=SECONDS)
    except Exception as error:
        log.warning("cache.away", error=type(error).__name__)
    return value
