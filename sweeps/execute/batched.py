"""Which jobs of a sweep may share an optimizer pass, and how launcher=batched runs them."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence

from hydra.core.utils import JobReturn, JobStatus, configure_log, run_job, setup_globals
from hydra.errors import CompactHydraException
from hydra.types import HydraContext
from omegaconf import DictConfig

from inversion.errors import explain
from inversion.record.record import Ending
from sweeps.execute.job import Job, PhotoResult, score
from sweeps.execute.run_jobs import run_jobs
from sweeps.plan.composer import Composer

log = logging.getLogger(__name__)

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


def launch(
    context: HydraContext, config: DictConfig, job_overrides: Sequence[Sequence[str]], first: int
) -> list[JobReturn]:
    """Compose every job as Hydra's own launcher does, then run those that are alike together."""
    setup_globals()
    configure_log(config.hydra.hydra_logging, config.hydra.verbose)
    composer = Composer(config)
    composed = [prepare(context, composer.job(words, first + i)) for i, words in enumerate(job_overrides)]
    jobs = [Job.composed(each.cfg, each.hydra_cfg.hydra) for each in composed]  # type: ignore[arg-type, union-attr]
    results = {job.number: result for group in alike(jobs) for job, result in run_group(group)}
    for job, each in zip(jobs, composed, strict=True):
        try:
            each.return_value, each.status = score(results[job.number]), JobStatus.COMPLETED
        except CompactHydraException as error:
            each.return_value, each.status = error, JobStatus.FAILED
    return composed


def run_group(jobs: Sequence[Job]) -> list[tuple[Job, list[PhotoResult]]]:
    """Jobs with their results; a mistake of the program's in one group must not stop the others."""
    try:
        return list(zip(jobs, run_jobs(jobs), strict=True))
    except Exception as error:
        log.exception("a pass over %d jobs failed", len(jobs))
        ending = Ending("FAILED", explain(error), {})
        return [(job, [PhotoResult(job, "", "", ending, job.folder)]) for job in jobs]


def prepare(context: HydraContext, composed: DictConfig) -> JobReturn:
    """A job with its folder and everything that Hydra writes there, but nothing run."""
    folders = ("hydra.sweep.dir", "hydra.sweep.subdir")
    return run_job(lambda _: None, composed, *folders, context, configure_logging=False)
