"""Which points of a sweep may share an optimizer pass, and how launcher=batched runs them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress

from hydra.core.utils import JobReturn, JobStatus, configure_log, run_job, setup_globals
from hydra.errors import CompactHydraException
from hydra.types import HydraContext
from omegaconf import DictConfig, open_dict

from sweeps.execute.point import Point

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


def alike(points: Sequence[Point]) -> list[list[Point]]:
    """Groups of points that can share a pass."""
    groups: dict[str, list[Point]] = {}
    for point in points:
        shared = {key: value for key, value in point.settings.items() if key not in PER_PROBLEM}
        groups.setdefault(json.dumps(shared, sort_keys=True), []).append(point)
    return list(groups.values())


def launch(
    context: HydraContext, config: DictConfig, job_overrides: Sequence[Sequence[str]], first: int
) -> list[JobReturn]:
    """Compose every job as Hydra's own launcher does, then run those that are alike together."""
    from run import run, score

    setup_globals()
    configure_log(config.hydra.hydra_logging, config.hydra.verbose)
    jobs = [compose(context, config, overrides, first + i) for i, overrides in enumerate(job_overrides)]
    points = [Point.composed(job.cfg, job.hydra_cfg.hydra) for job in jobs]  # type: ignore[arg-type, union-attr]
    for group in alike(points):
        with suppress(Exception):  # each of its points has been told, and says so below
            run(group)
    for job, point in zip(jobs, points, strict=True):
        try:
            job.return_value, job.status = score(point), JobStatus.COMPLETED
        except CompactHydraException as error:
            job.return_value, job.status = error, JobStatus.FAILED
    return jobs


def compose(context: HydraContext, config: DictConfig, overrides: Sequence[str], number: int) -> JobReturn:
    """A job with its folder and everything that Hydra writes there, but nothing run."""
    composed = context.config_loader.load_sweep_config(config, list(overrides))
    with open_dict(composed):
        composed.hydra.job.id = composed.hydra.job.num = number
    folders = ("hydra.sweep.dir", "hydra.sweep.subdir")
    return run_job(lambda _: None, composed, *folders, context, configure_logging=False)
