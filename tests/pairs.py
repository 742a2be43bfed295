"""Every pair of two lists of cases, of which a few are quick."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def pairs(rows: Iterable[str], columns: Iterable[str]) -> list[Any]:
    """Parameters for a test of each with each; all but one column of each row, in turn, are slow."""
    columns = list(columns)
    return [
        pytest.param(row, column, marks=() if i % len(columns) == j else pytest.mark.slow)
        for i, row in enumerate(rows)
        for j, column in enumerate(columns)
    ]
