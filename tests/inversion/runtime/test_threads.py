"""Threads that wait do not keep a core from those that they wait for."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SAY = "import os, inversion, sys; print(os.environ.get('GOMP_SPINCOUNT'), 'torch' in sys.modules)"


@pytest.mark.parametrize(
    ("own", "spins"),
    [({}, "5000"), ({"GOMP_SPINCOUNT": "100"}, "100"), ({"OMP_WAIT_POLICY": "active"}, "None")],
)
def test_waiting_threads_fall_asleep_soon_unless_a_person_says_otherwise(
    own: dict[str, str], spins: str
) -> None:
    without = {k: v for k, v in os.environ.items() if k not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    done = subprocess.run(
        [sys.executable, "-c", SAY], env=without | own, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [spins, "False"]
