"""How the threads of one step wait for each other."""

from __future__ import annotations

import os

SPINS = 5000  # turns of the loop in which a waiting thread keeps its core; then it sleeps


def wait_briefly() -> None:
    """Let waiting threads fall asleep soon; call it before torch is imported, whose OpenMP reads this once.

    By default they keep their core for milliseconds. Where another program has the core of the thread that they wait
    for, that thread cannot go on: with ten other programs on two cores, a search of 25 steps took 45 to 76 s by default
    and 3 s with this setting. On idle cores there is no difference. A person's own GOMP_SPINCOUNT or OMP_WAIT_POLICY
    stands. Source: GCC's libgomp manual, GOMP_SPINCOUNT.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(SPINS))
