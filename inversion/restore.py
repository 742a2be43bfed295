"""One optimizer pass over a batch of photos, from observed photo to recorded restoration."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from inversion.degradations.degradation import Degradation
from inversion.hyperparameters import Hyperparameters
from inversion.inputs import Photo
from inversion.model import Model
from inversion.objective import Objective, PerceptualLoss
from inversion.optimize import Result, optimize
from inversion.record.outcome import Outcome, record_outcome
from inversion.record.recorder import Recorder, Status
from inversion.record.watcher import Watcher

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """One photo under one setting, with the place of its record."""

    photo: Photo
    settings: Hyperparameters
    seed: int
    folder: Path
    recorder: Recorder


@dataclass(frozen=True)
class Ending:
    """How one task ended."""

    status: Status
    reason: str
    figures: dict[str, float]


def restore(
    model: Model,
    loss: PerceptualLoss,
    degradation: Degradation,
    degraded: bool,  # the photos arrive corrupted
    tasks: Sequence[Task],
    image_every: int = 0,
    animation_frames: int = 0,
    progress: Callable[[int, dict[str, float]], None] = lambda step, terms: None,
) -> list[Ending]:
    """Optimize all tasks as one batch and close every record: FINISHED, FAILED with the reason, or KILLED by Ctrl-C.

    Whatever ends the pass, what was reached is recorded first: last image, latents, losses.
    """
    device = model.w_avg.device
    try:
        photos = torch.stack([task.photo.image for task in tasks]).to(device)
        operator = bind(degradation, photos, degraded, [task.photo.mask for task in tasks])
        with torch.no_grad():
            observed = photos if degraded else observe(operator, photos, [task.seed for task in tasks])
        settings = [task.settings for task in tasks]
        objective = Objective(loss, operator, observed, settings, model.w_avg, model.w_std)
        watcher = Watcher([t.recorder for t in tasks], settings, image_every, animation_frames, progress)
        result = optimize(
            model.generator.synthesis,
            objective,
            settings,
            [task.seed for task in tasks],
            model.w_avg,
            model.w_std,
            watcher,
        )
        watcher.fetch()
        return record(model, operator, degraded, tasks, observed, result, watcher)
    except BaseException as error:
        status: Status = "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"
        for task in tasks:
            finish_quietly(task.recorder, status, str(error) or type(error).__name__)
        raise


def bind(
    degradation: Degradation, photos: Tensor, degraded: bool, masks: Sequence[Tensor | None]
) -> Degradation:
    """Settle the operator for these photos; their own masks, where they have any, go with it."""
    known = [mask for mask in masks if mask is not None]
    if len(known) == len(masks):
        return degradation.bind(photos, degraded, masks=torch.stack(known).to(photos))  # type: ignore[call-arg]
    return degradation.bind(photos, degraded)


def observe(operator: Degradation, photos: Tensor, seeds: Sequence[int]) -> Tensor:
    """What the camera did, with each photo's own randomness."""
    rng = torch.Generator().manual_seed(seeds[0])
    return operator.observe(photos, rng)


def record(
    model: Model,
    operator: Degradation,
    degraded: bool,
    tasks: Sequence[Task],
    observed: Tensor,
    result: Result,
    watcher: Watcher,
) -> list[Ending]:
    """Render what was found and close each task's record."""
    with torch.no_grad():
        restored = model.generator.synthesis(result.ws, result.noises)
        restored_degraded = operator(restored).cpu()
    restored = restored.cpu()
    endings = []
    for i, task in enumerate(tasks):
        outcome = Outcome(
            photo=task.photo,
            degraded_input=degraded,
            observed=observed[i].cpu(),
            restored=restored[i],
            restored_degraded=restored_degraded[i],
            ws=result.ws[i].cpu(),
            noises=[noise[i].cpu() for noise in result.noises],
            w_std=model.w_std,
            seed=task.seed,
            history=watcher.histories[i],
            frames=watcher.frames[i],
            steps_done=watcher.steps_done[i],
            seconds=watcher.seconds[i],
        )
        figures = record_outcome(outcome, task.recorder, task.folder)
        status, reason = judge(result, i, watcher.steps_done[i] < task.settings.steps)
        task.recorder.finish(status, reason)
        endings.append(Ending(status, reason, figures))
    return endings


def judge(result: Result, i: int, unfinished: bool) -> tuple[Status, str]:
    """How problem i ended, and why."""
    if result.failed_step[i] is not None:
        return "FAILED", (
            f"the {result.failed_term[i]} loss was not finite at step {result.failed_step[i]}; "
            "a smaller learning_rate would work"
        )
    if result.interrupted and unfinished:
        return "KILLED", "interrupted; what was reached is recorded"
    return "FINISHED", ""


def finish_quietly(recorder: Recorder, status: Status, reason: str) -> None:
    """Close a record while another error is on its way up; that one is shown, this one only logged."""
    try:
        recorder.finish(status, reason)
    except Exception as error:  # the disk that failed the run may fail its last words as well
        log.warning("could not close the record: %s", error)
