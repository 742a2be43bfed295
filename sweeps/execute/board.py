"""What a person sees of a sweep: a line per finished run, how many are left and for how long, a table at the end."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from inversion.console import plain_console
from inversion.metrics.catalogue import metric
from inversion.reading.printable import one_line
from inversion.record.record import Ending
from sweeps.execute.endings import Line, Reader
from sweeps.plan.grid import named

POLL = 0.3  # seconds
WIDE = 200  # letters
ROWS = 60  # of the table at most; what failed is always in it
COLUMNS = ("consistent_psnr", "psnr", "ssim", "identity_distance", "fit_psnr", "seconds")
SHOWN = ("consistent_psnr", "psnr", "identity_distance", "fit_psnr")  # in the line of a run


class Board:
    """Follows what the jobs of one command write about their ends into its sweep's folder, in whichever process."""

    def __init__(
        self, sweep_folder: Path, command: str, axes: Sequence[str], total: int | None, bar: bool
    ) -> None:
        """command: whose points, a name of its own. axes: what tells the points apart. total: runs to come, None where
        nobody knows. bar: show one, too."""
        self.axes = axes
        self.total = total
        self.lines: list[Line] = []  # the latest of each problem
        self._rows: dict[str, int] = {}  # fingerprint -> its row in `lines`
        self._reader = Reader(sweep_folder, command)
        self._began = time.monotonic()
        width = None if sys.stdout.isatty() else WIDE  # a file has room, and a wrapped table cannot be read
        self._console = plain_console(width)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            console=Console(stderr=True),
            disable=not (bar and sys.stderr.isatty()),
        )
        self._task = self._bar.add_task(self.state(), total=total)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="sweep board", daemon=True)

    @property
    def failed(self) -> list[Line]:
        return [line for line in self.lines if line.ending.status != "FINISHED"]

    def start(self) -> None:
        self._bar.start()
        self._thread.start()

    def stop(self) -> None:
        """Show what has ended since the last look."""
        self._stopped.set()
        self._thread.join()
        self._look()
        self._bar.stop()

    @property
    def is_complete(self) -> bool:
        """Whether every point has ended well."""
        return not self.failed and self.total is not None and len(self.lines) >= self.total

    def state(self, more: bool = False) -> str:
        """5 of 12 done, 1 failed, about 3 min left. more: others ended at the same time, so no speed is known yet."""
        done = len(self.lines) - len(self.failed)
        parts = [f"{done} of {self.total} done" if self.total else f"{done} done"]
        if self.failed:
            parts.append(f"{len(self.failed)} failed")
        if not more and (left := self._seconds_left()) is not None:
            parts.append(f"about {spell_seconds(left)} left")
        return ", ".join(parts)

    def _seconds_left(self) -> float | None:
        """At the speed of the runs that were not finished before."""
        worked = sum(not was_finished_before(line.ending) for line in self.lines)
        if not worked or not self.total or len(self.lines) >= self.total:
            return None
        return (time.monotonic() - self._began) / worked * (self.total - len(self.lines))

    def _follow(self) -> None:
        while not self._stopped.wait(POLL):
            self._look()

    def _look(self) -> None:
        new = self._reader.new()
        for number, line in enumerate(new, start=1):
            if not self._count(line):
                continue
            self._console.print(f"[{self.state(more=number < len(new))}] {self.describe(line)}")
        if new:
            self._bar.update(self._task, completed=len(self.lines), description=self.state())

    def _count(self, line: Line) -> bool:
        """Whether a line says anything new: one problem may be asked for twice (steps=5,5; two copies of a photo)."""
        row = self._rows.get(line.fingerprint)
        if row is not None:
            improved = self.lines[row].ending.status != "FINISHED" and line.ending.status == "FINISHED"
            if improved:
                self.lines[row] = line
            return improved
        if line.fingerprint:
            self._rows[line.fingerprint] = len(self.lines)
        self.lines.append(line)
        return True

    def point(self, line: Line) -> str:
        """reg=0.1 steps=500"""
        return named(line.overrides, self.axes)

    def describe(self, line: Line) -> str:
        """reg=0.1 steps=500 grace_hopper: FINISHED, PSNR dB 24.1, identity 0.42, 12.3 s"""
        name = " ".join(filter(None, (self.point(line), one_line(line.photo)))) or "the only point"
        if was_finished_before(line.ending):
            return f"{name}: {line.ending.reason}"
        known = {key: value for key, value in line.ending.metrics.items() if not math.isnan(value)}
        metrics = [metric(key).caption(known[key]) for key in SHOWN if key in known]
        seconds = line.ending.metrics.get("seconds")
        took = [] if seconds is None else [spell_seconds(seconds)]
        return f"{name}: {', '.join(filter(None, (line.ending.status, *metrics, *took, line.ending.reason)))}"

    def print_table(self) -> None:
        """All runs, or the best of a large sweep, and whatever failed."""
        if not self.lines:
            return
        shown = choose(self.lines)
        columns = [name for name in COLUMNS if any(name in line.ending.metrics for line in shown)]
        table = Table(
            *["point", "photo", "status", *(metric(name).heading for name in columns)],
            box=None,
            pad_edge=False,
        )
        for line in shown:
            metrics = [line.ending.metrics.get(name) for name in columns]
            table.add_row(
                Text(self.point(line)),  # as it is: a photo's name may look like markup
                Text(one_line(line.photo)),
                "before" if was_finished_before(line.ending) else line.ending.status,
                *(
                    "" if value is None else metric(name).number(value)
                    for name, value in zip(columns, metrics, strict=True)
                ),
            )
        self._console.print(table)
        if len(shown) < len(self.lines):
            self._console.print(f"({len(self.lines) - len(shown)} more: see MLflow or the sweep's folder)")
        for line in self.failed:
            self._console.print(f"{line.ending.status}: {self.describe(line)}")


def choose(lines: Sequence[Line]) -> list[Line]:
    """All lines in their order where the table is short; else the failed ones and the best of the others."""
    if len(lines) <= ROWS:
        return list(lines)
    ranked = sorted(
        lines, key=lambda line: line.ending.metrics.get("psnr", line.ending.metrics.get("fit_psnr", 0))
    )
    failed = [line for line in lines if line.ending.status != "FINISHED"]
    best = [line for line in reversed(ranked) if line.ending.status == "FINISHED"][:ROWS]
    return [*best, *failed]


def was_finished_before(ending: Ending) -> bool:
    return ending.status == "FINISHED" and ending.reason != ""


def spell_seconds(seconds: float) -> str:
    """42.1 s, 12 min, 3.4 h."""
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
