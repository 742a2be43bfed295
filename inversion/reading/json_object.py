"""JSON files of this program's own, which a full disk, a kill or a person may have damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from inversion.reading.regular_file import size_of_regular


def read_object(path: Path) -> dict[str, Any]:
    """What an object in a file holds; {} where there is no file, or anything else in it."""
    try:
        size_of_regular(path)
        return object_of(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return {}


def object_of(text: str | bytes) -> dict[str, Any]:
    """The object that a text is; {} for any other text."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):  # a number of 5,000 digits, [[[[…
        return {}
    return content if isinstance(content, dict) else {}
