"""Reading what a client sends before anything waits for it, so that slow senders stop only others
who send."""

import io
from collections.abc import Callable, Iterable
from threading import BoundedSemaphore
from typing import Any

from app.last_words import say

PATIENCE_SECONDS = 0.2
# Where files may be sent, and how many bytes the whole of what is sent there may have; elsewhere
# MAX_REQUEST_BYTES holds. Features say so.
UPLOADS: dict[str, int] = {}
BUSY = "Too many requests are being sent slowly. Try again in a few seconds."


class WholeBodies:
    """WSGI middleware: the application gets a request once its body is there.

    A thread that waits for a stalled upload serves nobody. One thread fewer than there are may
    wait at once; who comes then is told 503, and whoever only reads pages is served all the same.
    """

    def __init__(self, application: Callable[..., Iterable[bytes]], threads: int, longest: int):
        self._application = application
        self._longest = longest
        self._readers = BoundedSemaphore(max(1, threads - 1))

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        length = announced(environ)
        longest = max(self._longest, UPLOADS.get(environ.get("PATH_INFO", ""), 0))
        is_open = environ.pop("HTTP_TRANSFER_ENCODING", None) is not None  # its length comes last
        if not is_open and not 0 < length <= longest:
            return self._application(environ, start_response)  # nothing to read, or 413 unread
        if not self._readers.acquire(timeout=PATIENCE_SECONDS):
            return say(environ, start_response, 503, BUSY, ("Retry-After", "5"))
        try:
            body = whole(environ["wsgi.input"], longest + 1 if is_open else length)
        finally:
            self._readers.release()
        environ["wsgi.input"] = io.BytesIO(body)
        if is_open:  # from here on like any other; what is longer than is taken will be told 413
            environ["CONTENT_LENGTH"] = str(len(body))
        return self._application(environ, start_response)


def whole(stream: Any, most: int) -> bytes:
    """What ``stream`` has, up to ``most`` bytes."""
    parts: list[bytes] = []
    while most > 0 and (part := stream.read(most)):
        parts.append(part)
        most -= len(part)
    return b"".join(parts)


def announced(environ: dict[str, Any]) -> int:
    """Content-Length as a number; 0 without a readable one."""
    text = environ.get("CONTENT_LENGTH") or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0
