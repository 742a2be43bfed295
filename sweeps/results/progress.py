"""How far the sweeps of an experiment are, whichever machines run them, as their runs say."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from inversion.console import plain_console
from inversion.errors import ConfigError
from inversion.record.mlflow_store import clear_errors, reason
from inversion.record.same_file import Replaced
from sweeps.execute import process
from sweeps.execute.board import spell_seconds
from sweeps.execute.ledger import Ledger
from sweeps.results.missing import find, latest, name_of
from sweeps.results.planned import CELL, SWEEP_FILE, read_cells

if TYPE_CHECKING:
    from mlflow.entities import Run

log = logging.getLogger(__name__)

EVERY = 10.0  # seconds
SPEED = 50  # points that ended last, by which the speed is told
FAILURES = 10  # shown
OVERLAP = 300_000  # ms by which each look goes back before the last one: clocks differ
QUIET = 0.5  # of its lease, after which a person is told that a process is silent


@dataclass(frozen=True)
class Progress:
    """One sweep at one moment."""

    name: str
    status: str  # of the sweep
    total: int  # points and photos; 0 where the sweeper decides as it goes
    done: int
    failed: tuple[str, ...]  # reg=0.1 me.jpg: FAILED, why
    where: tuple[tuple[str, int], ...]  # machine, points that it is running
    silent: tuple[str, ...]  # process 12 on node3: no sign of life for 60 s
    seconds_left: float | None
    command: str

    @property
    def is_complete(self) -> bool:
        """Also where the sweep itself did not live to say so."""
        return self.status == "FINISHED" or 0 < self.total == self.done

    @property
    def lines(self) -> list[str]:
        running = sum(count for _, count in self.where)
        state = [f"{self.done} of {self.total} done" if self.total else f"{self.done} done"]
        state += [f"{running} running"] if running else []
        state += [f"{len(self.failed)} failed or killed"] if self.failed else []
        if self.seconds_left is not None:
            state.append(f"about {spell_seconds(self.seconds_left)} left")
        lines = [f"{self.name}: {self.status}, {', '.join(state)}"]
        if self.where:
            lines.append("  running on " + ", ".join(f"{host} ({count})" for host, count in self.where))
        lines += [f"  {line}" for line in (*self.silent, *self.failed[:FAILURES])]
        if len(self.failed) > FAILURES:
            lines.append(f"  and {len(self.failed) - FAILURES} more: python -m sweeps missing")
        if self.status != "RUNNING" and not self.is_complete:
            lines.append(f"  to run what is missing: {self.command}")
        return lines


class Follower:
    """Reads a sweep's runs once, then what has ended since."""

    def __init__(self, ledger: Ledger, sweep: Run) -> None:
        self.ledger = ledger
        self.run_id = str(sweep.info.run_id)
        self._cells: dict[str, str] | None = None  # fingerprint -> reg=0.1 me.jpg
        self._ended: dict[str, Run] = {}  # fingerprint -> its best attempt so far
        self._since = 0

    def look(self, sweep: Run, running: Sequence[Run]) -> Progress:
        """sweep: as it is now. running: all runs of the experiment that are. Raises what the store raises."""
        cells = self._read_cells()
        members = self.ledger.members(self.run_id, ended_after=self._since)
        for run in members:
            known = self._ended.get(run.data.tags["fingerprint"])
            if run.info.status != "RUNNING" and (known is None or known.info.status != "FINISHED"):
                if known is None or run.info.status == "FINISHED" or known.info.end_time < run.info.end_time:
                    self._ended[run.data.tags["fingerprint"]] = run
        ends = sorted(run.info.end_time for run in self._ended.values() if run.info.end_time)
        self._since = max(0, ends[-1] - OVERLAP) if ends else 0
        own = [run for run in running if self._is_own(run)]
        at_work = {run.data.tags["fingerprint"] for run in own}
        finished = {name for name, run in self._ended.items() if run.info.status == "FINISHED"}
        failed = [name for name in self._ended if name not in finished and name not in at_work]
        dead = self.ledger.is_dead(sweep) and sweep.info.status == "RUNNING"
        return Progress(
            f"{sweep.info.run_name} ({self.run_id})",
            "its process is gone" if dead else str(sweep.info.status),
            len(cells),
            len(finished),
            tuple(f"{cells.get(name, name)}: {self._why(name)}" for name in failed),
            tuple(sorted(Counter(run.data.tags.get("host", "?") for run in own).items())),
            tuple(dict.fromkeys(line for run in [sweep, *own] if (line := self._silence(run)))),
            self._seconds_left(len(cells) - len(finished)),
            sweep.data.tags.get("command", ""),
        )

    def _read_cells(self) -> dict[str, str]:
        if self._cells is None:
            try:
                cells = read_cells(self.ledger.artifact(self.run_id, SWEEP_FILE), CELL)
            except OSError:  # it has only begun
                return {}
            except ConfigError as error:  # its runs are counted all the same
                log.warning("%s: %s", self.run_id, error)
                cells = []
            self._cells = {cell["fingerprint"]: name_of(cell) for cell in cells}
        return self._cells

    def _is_own(self, run: Run) -> bool:
        """Also a point of this sweep that another sweep is running."""
        name = run.data.tags.get("fingerprint", "")
        return name in self._read_cells() or (name != "" and self.ledger.belongs(run, self.run_id))

    def _why(self, name: str) -> str:
        run = self._ended[name]
        return ", ".join(filter(None, (str(run.info.status), run.data.tags.get("reason", ""))))

    def _silence(self, run: Run) -> str:
        if run.info.status != "RUNNING":
            return ""
        seconds, lease = self.ledger.silence(run)
        if seconds < QUIET * lease:
            return ""
        return (
            f"no sign of life for {seconds:.0f} s: {process.describe(run.data.tags)}; "
            f"after {lease:.0f} s others run its points"
        )

    def _seconds_left(self, missing: int) -> float | None:
        """At the speed of the points that ended last, by the clocks of those that ran them."""
        runs = (run for run in self._ended.values() if run.info.status == "FINISHED" and run.info.end_time)
        ends = sorted(run.info.end_time for run in runs)[-SPEED:]
        if missing < 1 or len(ends) < 2 or ends[-1] == ends[0]:
            return None
        return float(missing * (ends[-1] - ends[0]) / 1000 / (len(ends) - 1))


def watch(uri: str, experiment: str, project: Path, once: bool) -> int:
    """Show the sweeps that are running, else the last one, until none is; 0 when all points are done, else 1.

    once: look once. Raises ConfigError when there is no sweep at all.
    """
    try:
        return follow(find(uri, experiment, project), experiment, once)
    except KeyboardInterrupt:
        return 1


def follow(ledger: Ledger, experiment: str, once: bool) -> int:
    """As `watch`, until Ctrl-C."""
    console = plain_console()
    followers: dict[str, Follower] = {}
    shown = ""
    while True:
        try:
            with clear_errors(ledger.uri):
                seen = look(ledger, followers)
        except (ConfigError, OSError) as error:
            if once or not followers or isinstance(error, Replaced):
                raise
            console.print(f"The store is away ({reason(error)}); looking again.")
            time.sleep(EVERY)
            continue
        if not seen:
            raise ConfigError(f"No sweep is recorded in {experiment!r}, so there is nothing to watch.")
        text = "\n".join(line for progress in seen for line in progress.lines)
        if text != shown:
            console.print(f"{time.strftime('%H:%M:%S')} {text}")
            shown = text
        if once or all(progress.status != "RUNNING" for progress in seen):
            return 0 if all(progress.is_complete for progress in seen) else 1
        time.sleep(EVERY)


def look(ledger: Ledger, followers: dict[str, Follower]) -> list[Progress]:
    """The sweeps that run now and those that were followed before; the last one where there are none."""
    sweeps = latest(ledger.sweeps())
    chosen = [run for run in sweeps if run.info.status == "RUNNING" or run.info.run_id in followers]
    running = ledger.running()
    seen = []
    for sweep in chosen or sweeps[:1]:
        follower = followers.setdefault(str(sweep.info.run_id), Follower(ledger, sweep))
        seen.append(follower.look(sweep, running))
    return seen
