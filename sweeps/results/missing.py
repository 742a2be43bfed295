"""What the sweeps of an experiment still lack, and the command that fills it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from inversion.errors import ConfigError
from inversion.record.mlflow_store import Store, open_existing
from inversion.record.open import absolute_uri
from sweeps.execute.ledger import Ledger
from sweeps.results.planned import SWEEP_FILE

if TYPE_CHECKING:
    from mlflow.entities import Run


def show(uri: str, experiment: str, project: Path) -> int:
    """Print, per sweep that is not complete, its missing points; 0 when nothing is missing, else 1.

    Raises ConfigError when there is no sweep at all.
    """
    ledger = find(uri, experiment, project)
    sweeps = ledger.sweeps()
    if not sweeps:
        raise ConfigError(
            f"No sweep is recorded in {experiment!r}. Start one: python run.py -m reg=0.1,0.5 steps=100,500"
        )
    gaps = 0
    for sweep in sweeps:
        lines = missing(ledger, sweep)
        gaps += len(lines)
        if lines:
            tags = sweep.data.tags
            print(
                f"{sweep.info.run_name} ({sweep.info.run_id}): {len(lines)} of {tags['runs']} runs are missing"
            )
            print("\n".join(f"  {line}" for line in lines))
            print(f"to run them: {tags['command']}\n")
    if not gaps:
        print(f"Nothing is missing in {experiment}.")
    return min(gaps, 1)


def missing(ledger: Ledger, sweep: Run) -> list[str]:
    """reg=0.1 steps=500 me.jpg: never run, or how its last attempt ended."""
    statuses = ledger.statuses(sweep.info.run_id)
    try:
        cells = json.loads(ledger.artifact(sweep.info.run_id, SWEEP_FILE))["cells"]
    except OSError:  # killed before the file was there
        return ["all: killed before its first run"]
    lines = []
    for cell in cells:
        status = statuses.get(cell["fingerprint"], "never run")
        if status != "FINISHED":
            name = " ".join(filter(None, (cell["point"], printable(cell["photo"])))) or "the only point"
            lines.append(f"{name}: {status}")
    return lines


def printable(name: str) -> str:
    """A file's name on one line: newlines and control characters as Python spells them."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in name)


def reap(uri: str, experiment: str, host: str | None, project: Path) -> int:
    reaped = find(uri, experiment, project).reap(host)
    print(f"{len(reaped)} runs marked as KILLED." + "".join(f"\n  {run_id}" for run_id in reaped))
    return 0


def find(uri: str, experiment: str, project: Path) -> Ledger:
    """Raises ConfigError when there is no such store or experiment; makes neither."""
    store = absolute_uri(uri, project)
    client = open_existing(store)
    found = client.get_experiment_by_name(experiment)
    if found is None:
        known = sorted(known.name for known in client.search_experiments())
        raise ConfigError(f"There is no experiment {experiment!r} in {store}. Got these: {', '.join(known)}.")
    return Ledger(Store(store, experiment, found.experiment_id))
