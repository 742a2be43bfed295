"""What the sweeps of an experiment still lack, and the command that fills it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from inversion.errors import ConfigError
from inversion.reading.printable import one_line
from inversion.record.mlflow_store import Store, open_existing
from inversion.record.open import absolute_uri
from sweeps.execute.ledger import Ledger
from sweeps.results.planned import CELL, SWEEP_FILE, read_cells

if TYPE_CHECKING:
    from mlflow.entities import Run


def show(uri: str, experiment: str, project: Path) -> int:
    """Print, per sweep that is not complete, its missing points; 0 when nothing is missing, else 1.

    Raises ConfigError when there is no sweep at all.
    """
    ledger = find(uri, experiment, project)
    sweeps = latest(ledger.sweeps())
    if not sweeps:
        raise ConfigError(
            f"No sweep is recorded in {experiment!r}. Start one: python run.py -m reg=0.1,0.5 steps=100,500"
        )
    gaps = 0
    for sweep in sweeps:
        lines = missing(ledger, sweep)
        gaps += len(lines)
        if lines:
            tags = sweep.data.tags  # a sweep that has only begun has not said all of them
            total = tags.get("runs", "its")
            print(f"{sweep.info.run_name} ({sweep.info.run_id}): {len(lines)} of {total} runs are missing")
            print("\n".join(f"  {line}" for line in lines))
            print(f"to run them: {tags.get('command', 'the command that started it')}\n")
    if not gaps:
        print(f"Nothing is missing in {experiment}.")
    return min(gaps, 1)


def missing(ledger: Ledger, sweep: Run) -> list[str]:
    """reg=0.1 steps=500 me.jpg: never run, or how its last attempt ended."""
    statuses = ledger.statuses(sweep.info.run_id)
    try:
        cells = read_cells(ledger.artifact(sweep.info.run_id, SWEEP_FILE), CELL)
    except OSError:  # killed before the file was there
        return ["all: killed before its first run"]
    except ConfigError as error:  # the others are told of all the same
        return [f"all: {error}"]
    lines = []
    for cell in cells:
        status = statuses.get(cell["fingerprint"], "never run")
        if status != "FINISHED":
            lines.append(f"{name_of(cell)}: {status}")
    return lines


def latest(sweeps: Iterable[Run]) -> list[Run]:
    """The last sweep over each grid: two that shared one, or went on where a machine was lost, ask for the same.

    sweeps: latest first.
    """
    return list(
        {run.data.tags.get("sweep", run.info.run_id): run for run in reversed(list(sweeps))}.values()
    )[::-1]


def name_of(cell: Mapping[str, str]) -> str:
    """reg=0.1 steps=500 me.jpg"""
    return " ".join(filter(None, (cell["point"], one_line(cell["photo"])))) or "the only point"


def reap(uri: str, experiment: str, host: str | None, project: Path) -> int:
    """Other machines' processes are watched for as long as their leases: only then is it known which have ended."""
    ledger = find(uri, experiment, project)
    reaped = ledger.reap(host)
    others = [run for run in ledger.running() if ledger.is_watched(run)]
    if others:
        lease = max(ledger.silence(run)[1] for run in others)
        print(f"Watching {len(others)} runs of other machines for up to {lease:.0f} s.", flush=True)
        began = time.monotonic()
        while others and (passed := time.monotonic() - began) < 1.5 * lease:
            time.sleep(min(5.0, lease / 10))
            reaped += ledger.reap(host)
            silent = [run for run in others if ledger.silence(run)[0] >= passed / 2]  # others gave a sign
            others = [run for run in silent if run.info.run_id not in reaped]
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
