"""A sweep from start to end: one parent run in MLflow, a board on the console, an honest status."""

from __future__ import annotations

import json
import logging
import shlex
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from itertools import chain, count
from pathlib import Path
from typing import Any
from uuid import uuid4

from omegaconf import DictConfig, OmegaConf, read_write

from inversion.errors import ConfigError
from inversion.reading.json_object import read_object
from inversion.record.mlflow_recorder import MLflowRecorder
from inversion.record.mlflow_store import Store, clear_errors, reason
from inversion.record.open import open_store
from inversion.record.own_folder import in_the_way
from inversion.record.params import flatten
from inversion.record.sync import bring_in
from inversion.restoration import Status
from inversion.runtime.atomic import write_file
from inversion.runtime.heap import enable_gc
from sweeps.execute import marks, process
from sweeps.execute.board import Board
from sweeps.execute.endings import Line
from sweeps.execute.folders import locked
from sweeps.execute.ledger import Ledger
from sweeps.execute.shipment import refuse_unsent_files
from sweeps.home import code_version, home
from sweeps.plan.composer import key_of
from sweeps.plan.grid import Grid, read_grid
from sweeps.plan.points import take_points
from sweeps.plan.seeds import repeat
from sweeps.results.axes import parse
from sweeps.results.planned import FAILURES_FILE, SWEEP_FILE
from sweeps.ui import is_server, paper_command, sweep_link, ui_command

log = logging.getLogger(__name__)

REPORT = "report.html"


class Sweep:
    """Opened before the first point starts, in the process that the person started; `close` may be called twice.

    The same grid asked for again goes on below the same parent run, or, while another process runs it, beside it.
    """

    def __init__(self, config: DictConfig) -> None:
        """config: what Hydra hands to on_multirun_start. Raises as `read_grid`, and ConfigError."""
        refuse_shared_folder(config)
        refuse_foreign_files(Path(config.hydra.sweep.dir))
        refuse_unsent_files(config)
        take_points(config)
        repeat(config)
        grid = read_grid(config)
        self.grid = grid
        self.is_open = True
        tracking = config.tracking
        store = open_store(tracking.uri, tracking.experiment, tracking.artifacts, home())
        bring_in(store)
        self.store = store
        self.ledger = Ledger(store, tracking.lease)
        self.parent: MLflowRecorder | None = None
        _look_for_the_largest(config)
        self.folder = take_folder(Path(config.hydra.sweep.dir).absolute(), grid)
        _settle_folder(config, self.folder)
        if store is not None:
            self.parent = self._open_parent(store, config)
            _hand_down(config, "parent", self.parent.run_id)
            if not any(axis.startswith("tracking") for axis in grid.axes):
                _hand_down(config, "experiment_id", store.experiment_id)
        own = uuid4().hex[:12]  # another command may run in the same folder
        _hand_down(config, "command", own)
        self.command = own
        parent = {} if self.parent is None else {"parent": self.parent.run_id}
        marks.make(self.folder, own, process.tags() | parent)
        total = len(grid.cells) or config.hydra.sweeper.get("n_trials")
        self.board = Board(self.folder, own, list(grid.axes), total, bar=not config.launcher.bars)
        self.board.start()
        enable_gc()

    def close(self) -> None:
        """Give the parent the status that its points have earned, and show how they ended."""
        if not self.is_open:
            return
        self.is_open = False
        try:
            self._end()
        finally:
            marks.clear(self.folder, self.command, lambda mark: is_over(mark, self.ledger))

    def _end(self) -> None:
        self.board.stop()
        self.board.print_table()
        bring_in(self.store, again=True)
        try:
            with clear_errors(self.ledger.uri):
                status = self._close_parent()
        except (ConfigError, OSError) as error:
            status = "KILLED"
            log.warning(
                "MLflow lacks the end of this sweep (%s): the same command brings it in", reason(error)
            )
            if self.board.is_complete:
                print(f"All points are done, in {self.folder}. They are not compared: MLflow is away.")
                return
        if status != "FINISHED":
            print(f"The sweep is not complete ({self.board.state()}). The same command runs what is missing.")

    def _close_parent(self) -> Status:
        """Write down how the sweep ended, and compare its runs. Raises ConfigError, OSError of the store."""
        status, missing = self.judge()
        if self.parent is not None:
            failed = self.folder / FAILURES_FILE
            lines = [json.dumps(failure(line, self.grid.axes)) for line in self.board.failed]
            write_file(failed, "".join(f"{line}\n" for line in lines).encode())
            self.parent.log_file(failed)
            shown = [self.board.describe(line) for line in self.board.failed]
            self.parent.set_tags({"failed": "\n".join(shown), "missing": "\n".join(missing)})
            self.parent.finish(status, "" if status == "FINISHED" else self.board.state())
            self._compare()
        return status

    def _compare(self) -> None:
        """Pictures, table and report of the whole sweep; what cannot be made costs nothing else."""
        from sweeps.report.compare import compare_sweep

        assert self.parent is not None
        report = self.folder / REPORT
        try:
            summary = compare_sweep(self.ledger.uri, self.parent.run_id, report)
        except Exception as error:
            log.warning("the sweep could not be compared: %s", error)
            return
        link = sweep_link(self.ledger.uri, self.ledger.experiment_id, self.parent.run_id)
        where = (
            "MLflow" if is_server(self.ledger.uri) else f"MLflow, while `{ui_command(self.ledger.uri)}` runs"
        )
        print(
            f"\n{summary.reason}\n\nReport: {report}, pictures and table in {report.with_suffix('')}/\n"
            f"For a document: {paper_command(self.ledger.uri, self.parent.run_id)}\n{where}: {link}"
        )

    def judge(self) -> tuple[Status, list[str]]:
        """FINISHED only if every point of the grid is; with those that are not."""
        missing: list[str] = []
        if self.parent is not None:
            self.ledger.reap()  # workers that crashed
            statuses = self.ledger.statuses(self.parent.run_id)
            missing = [
                f"{c.point} {c.photo}" for c in self.grid.cells if statuses.get(c.fingerprint) != "FINISHED"
            ]
        if any(line.ending.status == "FAILED" for line in self.board.failed):
            return "FAILED", missing
        ended = len(self.board.lines)
        interrupted = bool(self.board.failed) or (self.board.total is not None and ended < self.board.total)
        return ("KILLED" if missing or interrupted else "FINISHED"), missing

    def _open_parent(self, store: Store, config: DictConfig) -> MLflowRecorder:
        self.ledger.reap()
        earlier = next(iter(self.ledger.sweeps(self.grid.fingerprint)), None)
        if earlier is not None and earlier.info.status == "RUNNING":
            other = process.describe(earlier.data.tags)
            log.info(
                "%s is running the same sweep (run %s): the two share its points", other, earlier.info.run_id
            )
            earlier = None
        parent = MLflowRecorder(
            store.uri,
            store.experiment_id,
            run_name=named(self.grid, config.seeds, str(config.hydra.runtime.choices.degradation)),
            params=flatten(OmegaConf.to_container(_without_hydra(config), resolve=True)),  # type: ignore[arg-type]
            tags={
                "kind": "sweep",
                "sweep": self.grid.fingerprint,
                "axes": ",".join(self.grid.axes),
                "command": command(sys.argv),
                "git_commit": code_version(),
                "runs": str(len(self.grid.cells)),
                "failed": "",
                "missing": "",
                **process.tags(),
                **self.ledger.signs(),
            },
            run_id=None if earlier is None else earlier.info.run_id,
        )
        parent.log_file(self.folder / SWEEP_FILE)
        return parent


def refuse_shared_folder(config: DictConfig) -> None:
    """Every job needs a folder of its own: a later one would remove an earlier one's record. Raises ConfigError."""
    subdir = str(OmegaConf.to_container(config.hydra.sweep, resolve=False)["subdir"])  # type: ignore[index, call-overload]
    if "${" not in subdir:
        raise ConfigError(
            f"hydra.sweep.subdir must differ from job to job. Got {subdir!r}; leave it out, or use "
            "hydra.sweep.subdir='${hydra.job.num}'."
        )


def refuse_foreign_files(folder: Path) -> None:
    """Only an earlier sweep's own files are replaced. Raises ConfigError."""
    plan = folder / SWEEP_FILE
    known = read_object(plan).keys() >= {"axes", "cells"}
    report = folder / REPORT
    for path in (plan, report, report.with_suffix("")):  # the figures' folder has the report's name
        if path.exists() and not known:
            raise in_the_way(path)


def take_folder(folder: Path, grid: Grid) -> Path:
    """The folder with the sweep's plan in it, or one in it (out/sweep_2, …) where it holds another sweep's.

    The same sweep again gets the same folder. Raises ConfigError, as `refuse_foreign_files`, and OSError.
    """
    for candidate in chain([folder], (folder / f"sweep_{number}" for number in count(2))):
        with locked(candidate):
            refuse_foreign_files(candidate)
            plan = candidate / SWEEP_FILE
            if not plan.exists() or read_object(plan).get("sweep") == grid.fingerprint:
                write_file(plan, json.dumps(describe(grid), indent=1).encode())
                break
    if candidate != folder:
        log.warning("%s holds another sweep and its report, which stay: this one is in %s", folder, candidate)
    return candidate


def is_over(mark: Mapping[str, Any], ledger: Ledger) -> bool:
    """Whether the command that made a mark has ended; of another machine's the store may know."""
    ended = process.has_ended(mark)
    if ended is not None:
        return ended
    parent = mark.get("parent")
    return isinstance(parent, str) and ledger.has_ended(parent)


def failure(line: Line, axes: Collection[str]) -> dict[str, Any]:
    """What failed.jsonl says of one problem: sweeps/results/planned.py reads it."""
    words = [(key_of(word), word.partition("=")[2]) for word in line.overrides]
    point = {key: parse(value) for key, value in words if key in axes}
    return {"point": point, "photo": line.photo, "reason": line.ending.reason}


def named(grid: Grid, seeds: int, degradation: str) -> str:
    """blur: sweep over reg, steps, 3 seeds"""
    repeated = [f"{seeds} seeds"] if seeds > 1 else []
    axes = [axis for axis in grid.axes if not (repeated and axis == "seed")]
    task = "" if degradation == "none" or "degradation" in axes else f"{degradation}: "
    return f"{task}sweep over {', '.join(axes + repeated) or 'nothing'}"


def describe(grid: Grid) -> dict[str, Any]:
    """What sweep.json holds."""
    cells = [asdict(cell) for cell in grid.cells]
    return {"sweep": grid.fingerprint, "axes": grid.axes, "cells": cells, "table": grid.table}


def command(arguments: Sequence[str]) -> str:
    """The command line, to be pasted into a shell in the same folder."""
    name = Path(arguments[0]).name
    return shlex.join([*(["python", name] if name.endswith(".py") else [name]), *arguments[1:]])


def _hand_down(config: DictConfig, key: str, found: str) -> None:
    """Every job that Hydra starts gets what the sweep has found as one more override, whichever process it runs in."""
    with read_write(config):
        config.tracking[key] = found
        config.hydra.overrides.task.append(f"tracking.{key}='{found}'")


def _settle_folder(config: DictConfig, folder: Path) -> None:
    """Every job gets the sweep's folder in plain words: whichever resolves ${now:…} anew gets another one."""
    quoted = str(folder).replace("'", "\\'")
    with read_write(config):
        config.hydra.sweep.dir = str(folder)
        config.hydra.overrides.hydra.append(f"hydra.sweep.dir='{quoted}'")


def _look_for_the_largest(config: DictConfig) -> None:
    """Optuna minimizes unless told otherwise, and of what run.py returns more is better."""
    if "direction" in config.hydra.sweeper:
        with read_write(config):
            config.hydra.sweeper.direction = "maximize"


def _without_hydra(config: DictConfig) -> DictConfig:
    return OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
