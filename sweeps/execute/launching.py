"""How the points of a sweep are run: in this process, or as packs in others, until every one of them has ended."""

from __future__ import annotations

import copy
import json
import logging
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus, configure_log, setup_globals
from hydra.errors import CompactHydraException
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext
from omegaconf import DictConfig, read_write

from conf.schema import register
from inversion.errors import explain
from sweeps.execute import endings
from sweeps.execute.batched import Point, run_one_by_one, run_together
from sweeps.execute.job import PhotoResult, score
from sweeps.execute.rounds import Results, run_until_done

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
        self.config = config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        points = numbered(job_overrides, initial_job_idx)
        return launch(points, lambda left: self._round(left, pack_size(self._asked, len(points))))

    @property
    def _asked(self) -> int | None:
        asked = self.config.launcher.points_per_job
        return None if asked is None else int(asked)

    def _round(self, points: Sequence[Point], size: int) -> list[Results]:
        packs = [points[start : start + size] for start in range(0, len(points), size)]
        config = with_folder_for_packs(self.config)
        task = PackTask.of(self.config, packs)
        self.launcher.setup(hydra_context=self.context, task_function=task, config=config)
        returned = self.launcher.launch([pack[0].words for pack in packs], initial_job_idx=0)
        results: list[Results] = []
        for pack, job in zip(packs, returned, strict=True):
            results += results_of(pack, job)
        for result in (each for point in results for each in point if isinstance(each, PhotoResult)):
            if result.job.sweep is not None and not endings.is_told(result.job.sweep, result.job.number):
                result.tell()  # a machine that does not share the sweep's folder could not
        return results


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

    @classmethod
    def of(cls, config: DictConfig, packs: Sequence[Sequence[Point]]) -> PackTask:
        rows = [[[point.number, point.words] for point in pack] for pack in packs]
        return cls(config, zlib.compress(json.dumps(rows).encode()))

    def __call__(self, _: DictConfig) -> list[Results]:
        rows = json.loads(zlib.decompress(self.packs))[HydraConfig.get().job.num]
        return run_together(self.config, [Point(number, words) for number, words in rows])


def pack_size(asked: int | None, points: int) -> int:
    """Points of one job. asked: launcher.points_per_job.

    A job takes some 6 s until its first step (README); spread over 32 points that is 0.2 s each, and with fewer than
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


def with_folder_for_packs(config: DictConfig) -> DictConfig:
    """Hydra writes down what it starts, a pack: beside the folders of the points, in none of them."""
    own = copy.deepcopy(config)
    with read_write(own):
        own.hydra.overrides.hydra.append(f"hydra.sweep.subdir='{FOLDER}/${{hydra.job.num}}'")
    return own
