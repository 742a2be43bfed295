"""What a person reads in MLflow's list of runs."""

from __future__ import annotations

from collections.abc import Sequence

from sweeps.plan.composer import key_of
from sweeps.plan.fingerprint import IGNORED

LONGEST, LONGEST_VALUE = 250, 40  # letters of a name (MLflow's column), of one setting in it
# In every name, or the same for all that is compared; generator= is told, generator.path= is not.
ELSEWHERE = (IGNORED - {"generator"}) | {
    "degradation",
    "degraded",
    "reg",
    "steps",
    "hydra",
    "experiment",
    "input",
}


def run_name(photo: str, degradation: str, reg: float, steps: int, overrides: Sequence[str]) -> str:
    """grace_hopper blur reg 0.5 steps 1000 kernel size 5: what was set on the command line, every axis among it.

    overrides: of the job, a sweep's axes among them.
    """
    parts = [photo, degradation, f"reg {reg:g}", f"steps {steps}"]
    settings = {key_of(word): word.partition("=")[2] for word in overrides}
    for key, value in settings.items():
        group, _, inner = key.partition(".")
        if key in ELSEWHERE or group in ELSEWHERE - {"degradation", "input"} or key.startswith("generator."):
            continue
        if group == "input" and inner == "image":
            continue
        parts.append(f"{key.rpartition('.')[2].replace('_', ' ')} {_short(value)}")
    name = " ".join(parts)
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"


def _short(value: str) -> str:
    return value if len(value) <= LONGEST_VALUE else value[: LONGEST_VALUE - 1] + "…"
