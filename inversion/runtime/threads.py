"""How the threads of one step wait for each other."""

from __future__ import annotations

import os


def wait_asleep() -> None:
    """Let threads sleep while they wait; call it before torch is imported, whose OpenMP reads this once.

    By default a thread that is done waits spinning. Where another program has the core of the thread that it waits
    for, the spinning keeps both from going on: on two cores with ten other programs a step took 20 to 30 times as
    long. A person's own OMP_WAIT_POLICY or GOMP_SPINCOUNT stands. Source: GCC's libgomp manual, OMP_WAIT_POLICY.
    """
    if "GOMP_SPINCOUNT" not in os.environ:
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
