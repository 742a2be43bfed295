"""Threads that wait do not take a core from those that they wait for."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SAY = "import os, inversion, sys; print(os.environ.get('OMP_WAIT_POLICY'), 'torch' in sys.modules)"


@pytest.mark.parametrize(
    ("own", "policy"),
    [({}, "passive"), ({"OMP_WAIT_POLICY": "active"}, "active"), ({"GOMP_SPINCOUNT": "100"}, "None")],
)
def test_threads_sleep_while_they_wait_unless_a_person_says_otherwise(
    own: dict[str, str], policy: str
) -> None:
    without = {k: v for k, v in os.environ.items() if k not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    done = subprocess.run(
        [sys.executable, "-c", SAY], env=without | own, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [policy, "False"]
