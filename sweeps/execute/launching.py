"""How the points of a sweep are run: in this process, or as packs in others, until every one of them has ended."""

from __future__ import annotations

import copy
import json
import logging
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus, configure_log, setup_globals
from hydra.errors import CompactHydraException
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, read_write

from conf.schema import register
from inversion.errors import ConfigError, explain
from inversion.record.mlflow_store import sqlite_path
from inversion.record.open import absolute_uri
from sweeps.execute import endings
from sweeps.execute.batched import run_one_by_one, run_together
from sweeps.execute.job import Awaited, PhotoResult, Point, score
from sweeps.execute.rounds import Results, run_until_done
from sweeps.execute.shipment import Shipment, files_of
from sweeps.home import home

log = logging.getLogger(__name__)

register()  # a worker that unpickles what is here composes points, and must know the resolvers of the YAML files

JOBS, LARGEST = 16, 32  # what points_per_job=null means
FOLDER = ".packs"  # in the sweep's, of what Hydra writes about a pack


def launch_here(
    context: HydraContext, config: DictConfig, words: Sequence[Sequence[str]], first: int, together: bool
) -> list[JobReturn]:
    """All points in this process. together: those that can share an optimizer pass do."""
    setup_globals()
    configure_log(config.hydra.hydra_logging, config.hydra.verbose)

    def run(points: Sequence[Point]) -> list[Results]:
        return run_together(config, points) if together else run_one_by_one(context, config, points)

    return launch(numbered(words, first), run)


class Packing:
    """Stands before a launcher that starts processes, and gives it packs of points in the place of points."""

    def __init__(self, launcher: Launcher, context: HydraContext, config: DictConfig) -> None:
        """launcher: set up or not; each round sets it up anew, with its packs as the task."""
        self.launcher = launcher
        self.context = context
        self.sweep = Path(config.hydra.sweep.dir).absolute()
        self.config = with_store(config)
        self.shipment: Shipment | None = None  # for machines that may share no folder: a Ray cluster's

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        points = numbered(job_overrides, initial_job_idx)
        if self.config.launcher.get("address") is not None:
            self._ship(points)
        return launch(points, lambda left: self._round(left, pack_size(self._asked, len(points))))

    def _ship(self, points: Sequence[Point]) -> None:
        import ray

        if self.shipment is None:
            if not ray.is_initialized():
                ray.init(**OmegaConf.to_container(self.config.hydra.launcher.ray.init, resolve=True))  # type: ignore[arg-type]
            self.shipment = Shipment(str(self.sweep), self.config.tracking.command)
            self.config = self.shipment.with_folder(self.config)
            store = self.config.tracking
            if store.uri is not None:
                how_far = f"python -m sweeps watch {store.experiment} --uri {store.uri}"
                log.info("machines that do not share %s tell at the end; until then: %s", self.sweep, how_far)
        paths = files_of(self.config, [point.words for point in points])
        self.shipment = self.shipment.with_files(paths, ray.put)

    @property
    def _asked(self) -> int | None:
        asked = self.config.launcher.points_per_job
        return None if asked is None else int(asked)

    def _round(self, points: Sequence[Point], size: int) -> list[Results]:
        packs = [points[start : start + size] for start in range(0, len(points), size)]
        config = with_folder_for_packs(self.config)
        task = PackTask.of(self.config, packs, self.shipment)
        told = endings.Reader(self.sweep, self.config.tracking.command)
        told.skip()  # what an earlier round has written
        self.launcher.setup(hydra_context=self.context, task_function=task, config=config)
        returned = self.launcher.launch([pack[0].words for pack in packs], initial_job_idx=0)
        results: list[Results] = []
        for pack, job in zip(packs, returned, strict=True):
            results += [[self._brought_home(each) for each in point] for point in results_of(pack, job)]
        known = {(line.overrides, line.photo) for line in told.new()}
        for result in (each for point in results for each in point if isinstance(each, PhotoResult)):
            if (result.job.overrides, result.photo) not in known:
                result.tell()  # a machine that does not share the sweep's folder could not
        return results

    def _brought_home(self, result: PhotoResult | Awaited) -> PhotoResult | Awaited:
        """As of this machine, whose folder of the sweep may be another one than the job's."""
        return replace(result, job=replace(result.job, sweep=self.sweep))


def results_of(pack: Sequence[Point], job: JobReturn) -> list[Results]:
    """Of each point; none where the job as a whole has failed (out of memory, out of time), whatever the others did."""
    try:
        found: list[Results] = job.return_value
        return found
    except Exception as error:  # whatever a launcher's library hands over
        log.error(
            "a job of %d points has failed (%s): the same command runs what it lacks",
            len(pack),
            explain(error),
        )
        return [[] for _ in pack]


@dataclass(frozen=True)
class PackTask:
    """What a launcher's job does: it restores the points of its pack, as launcher=batched would.

    A job that its cluster starts again does what is missing: the ledger knows the rest.
    """

    config: DictConfig  # the sweep's
    packs: bytes  # travels with every job: 10,000 points take some 100 kB
    shipment: Shipment | None

    @classmethod
    def of(
        cls,
        config: DictConfig,
        packs: Sequence[Sequence[Point]],
        shipment: Shipment | None = None,
    ) -> PackTask:
        rows = [[[point.number, point.words, _listed(point.only)] for point in pack] for pack in packs]
        return cls(config, zlib.compress(json.dumps(rows).encode()), shipment)

    def __call__(self, _: DictConfig) -> list[Results]:
        rows = json.loads(zlib.decompress(self.packs))[HydraConfig.get().job.num]
        points = [
            Point(number, words, None if only is None else frozenset(only)) for number, words, only in rows
        ]
        return run_together(self.config, points, self._unpack())

    def _unpack(self) -> dict[str, str]:
        """Where files that were sent lie on this machine. Raises ConfigError, OSError."""
        if self.shipment is None:
            return {}
        store, sweep = self.config.tracking.uri, self.shipment.sweep
        if (store is None or sqlite_path(store)) and not self.shipment.shares_folder:
            lacks = "so nobody would find its records" if store is None else f"so it has no {store} either"
            raise ConfigError(
                f"this machine does not share {sweep} with the command, {lacks}; start "
                "`mlflow server` and give its address: tracking.uri=http://host:5000"
            )
        import ray

        return self.shipment.unpack(ray.get)


def _listed(only: frozenset[str] | None) -> list[str] | None:
    return None if only is None else sorted(only)


def pack_size(asked: int | None, points: int) -> int:
    """Points of one job. asked: launcher.points_per_job.

    A job's start costs 5.4 s of CPU (docs/cluster.md); spread over 32 points that is 0.2 s each, and with fewer than
    16 jobs a small sweep would leave a cluster idle.
    """
    return asked if asked is not None else max(1, min(LARGEST, points // JOBS))


def launch(
    points: Sequence[Point], run_round: Callable[[Sequence[Point]], Sequence[Results]]
) -> list[JobReturn]:
    """What Hydra wants to know of every job."""
    returned = []
    for point, results in zip(points, run_until_done(points, run_round), strict=True):
        each = JobReturn(overrides=point.words)
        try:
            each.return_value, each.status = score(results), JobStatus.COMPLETED
        except CompactHydraException as error:
            each.return_value, each.status = error, JobStatus.FAILED
        returned.append(each)
    return returned


def numbered(job_overrides: Sequence[Sequence[str]], first: int) -> list[Point]:
    return [Point(first + i, list(words)) for i, words in enumerate(job_overrides)]


def with_store(config: DictConfig) -> DictConfig:
    """The store in plain words: on another machine the environment and the checkout's folder may name another."""
    own = copy.deepcopy(config)
    with read_write(own):
        if own.tracking.uri is not None:
            own.tracking.uri = absolute_uri(own.tracking.uri, home())
        settled: dict[str, Any] = {key: own.tracking[key] for key in ("uri", "experiment")}
        for key, value in settled.items():
            quoted = "null" if value is None else "'" + str(value).replace("'", "\\'") + "'"
            own.hydra.overrides.hydra.append(f"tracking.{key}={quoted}")
    return own


def with_folder_for_packs(config: DictConfig) -> DictConfig:
    """Hydra writes down what it starts, a pack: beside the folders of the points, in none of them."""
    own = copy.deepcopy(config)
    with read_write(own):
        own.hydra.overrides.hydra.append(f"hydra.sweep.subdir='{FOLDER}/${{hydra.job.num}}'")
    return own
