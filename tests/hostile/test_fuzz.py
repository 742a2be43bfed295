"""Damaged files are read or refused in one line; nothing else ever comes out of a reader."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.hostile.case import MB
from tests.hostile.fuzz import DIALECTS


def check(count: int, seed: int, *dialects: str) -> None:
    """In one process, which pays for its imports once."""
    command = [sys.executable, "-m", "tests.hostile.fuzz", str(count), str(seed), *dialects]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [totals["dialect"] for totals in found] == list(dialects or DIALECTS)
    for totals in found:
        assert totals["faults"] == {}, totals
        assert totals["memory"] < 1024 * MB, totals
        assert totals.get("read", 0) + totals.get("refused", 0) == count


def test_a_few_mutations_of_every_dialect() -> None:
    check(15, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("dialect", DIALECTS)
def test_thousands_of_mutations(dialect: str) -> None:
    check(1500, 1, dialect)
