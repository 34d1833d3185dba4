"""Cells of a file that spreadsheets open: nothing in them is a formula, and nothing gets lost."""

import csv
import io
import re
from collections.abc import Sequence

# What begins a formula; wide signs count too.
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")
# Also what was made harmless before, so that taking it back gives what there was.
LOOKS_LIKE_ONE = re.compile(f"'*[{re.escape(''.join(FORMULA))}]")


def harmless(text: str) -> str:
    """``text`` so that no spreadsheet takes it for a formula (OWASP, CSV injection)."""
    return "'" + text if LOOKS_LIKE_ONE.match(text) else text


def as_meant(text: str) -> str:
    """What ``harmless`` was given."""
    return text[1:] if text.startswith("'") and LOOKS_LIKE_ONE.match(text) else text


def as_csv(rows: Sequence[Sequence[object]]) -> str:
    """RFC 4180."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)
    return buffer.getvalue()
