"""Which jobs of a sweep may share an optimizer pass, and how a process runs the points that it has got."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import configure_log, run_job
from hydra.types import HydraContext
from omegaconf import DictConfig

from inversion.errors import explain
from inversion.record.record import Ending
from sweeps.execute.job import Job, PhotoResult, Point
from sweeps.execute.rounds import Results
from sweeps.execute.run_jobs import run_jobs
from sweeps.plan.composer import Composer
from sweeps.plan.config import Config

log = logging.getLogger(__name__)

FOLDERS = ("hydra.sweep.dir", "hydra.sweep.subdir")  # keys of a job's folder

AT_ONCE = 128  # points that are composed before the first of them runs: 0.1 s, and four passes of a CPU

# What may differ among the problems of one pass; everything else is the networks' or the pass's own.
PER_PROBLEM = {
    "image",
    "degraded",
    "align",
    "paste",
    "seed",
    "start",
    "input",
    "degradation",
    "steps",
    "reg",
    "learning_rate",
    "ramp_up",
    "ramp_down",
    "jitter",
    "jitter_until",
    "noise_weight",
    "coarse_until",
    "early_stop",
    "feature_steps",
    "colour_prior",
    "face_prior",
    "tuning_steps",
    "tuning_rate",
}


def alike(jobs: Sequence[Job]) -> list[list[Job]]:
    """Groups of jobs that can share a pass."""
    groups: dict[str, list[Job]] = {}
    for job in jobs:
        shared = {key: value for key, value in job.config.values.items() if key not in PER_PROBLEM}
        groups.setdefault(json.dumps(shared, sort_keys=True), []).append(job)
    return list(groups.values())


def run_together(
    config: DictConfig,
    points: Sequence[Point],
    here: Mapping[str, str] | None = None,  # as for Config.of
) -> list[Results]:
    """Compose jobs, and run those that are alike together.

    AT_ONCE at a time: results come while the others wait, and memory does not grow with the sweep. Hydra's own folder
    .hydra, which took as long as a search of ten steps, is not written: the record of a point has its configuration.
    """
    composer, results = Composer(config), []
    sweep = Path(config.hydra.sweep.dir).absolute()
    for start in range(0, len(points), AT_ONCE):
        some = points[start : start + AT_ONCE]
        jobs = [composed(composer, sweep, point, here) for point in some]
        found = {job.number: ended for group in alike(jobs) for job, ended in run_group(group)}
        results += [found[job.number] for job in jobs]
    return results


def composed(composer: Composer, sweep: Path, point: Point, here: Mapping[str, str] | None = None) -> Job:
    """sweep: the sweep's folder. here: as for Config.of."""
    return Job(
        Config.of(composer.values(point.words), here).in_sweep(),
        sweep / composer.subfolder(point.words, point.number),
        tuple(point.words),
        composer.choice(point.words, "degradation"),
        point.number,
        sweep,
        point.only,
    )


def run_one_by_one(context: HydraContext, config: DictConfig, points: Sequence[Point]) -> list[Results]:
    """Compose and run every job as Hydra's own launcher does, each with a log of its own."""
    composer, results = Composer(config), []

    def run(composed: DictConfig, only: frozenset[str] | None) -> Results:
        ((_, found),) = run_group([replace(Job.composed(composed, HydraConfig.get()), only=only)])
        return found

    for point in points:
        returned = run_job(
            partial(run, only=point.only), composer.job(point.words, point.number), *FOLDERS, context
        )
        results.append(returned.return_value)
        configure_log(config.hydra.hydra_logging, config.hydra.verbose)
    return results


def run_group(jobs: Sequence[Job]) -> list[tuple[Job, Results]]:
    """Jobs with their results; a mistake of the program's in one group must not stop the others."""
    try:
        return list(zip(jobs, run_jobs(jobs), strict=True))
    except Exception as error:
        log.exception("a pass over %d jobs failed", len(jobs))
        ending = Ending("FAILED", explain(error), {})
        return [(job, [PhotoResult(job, "", "", ending, job.folder)]) for job in jobs]
