"""The passwords that most people choose, which are the first that anybody tries.

They come from the package zxcvbn: 30,000 passwords found in leaks, the commonest first.
"""

from functools import cache
from importlib.metadata import distribution
from runpy import run_path
from threading import Lock

SHORTEST = 8  # a shorter one is refused for its length
_loading = Lock()


def is_common(password: str) -> bool:
    """Whether many people use this password, in capitals or not.

    The whole is compared, never a part (NIST SP 800-63B, 3.1.1.2).
    """
    with _loading:
        return password.lower() in _common()


@cache
def _common() -> frozenset[str]:
    """Those that are long enough to be refused only here; read when first asked for.

    The list is read from its file, not imported: the package would keep six such lists for ever,
    and the rest of it is of no use to us.
    """
    file = distribution("zxcvbn").locate_file("zxcvbn/frequency_lists.py")
    ranked: list[str] = run_path(str(file))["FREQUENCY_LISTS"]["passwords"]
    return frozenset(each.lower() for each in ranked if len(each) >= SHORTEST)
