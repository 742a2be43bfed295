"""One optimizer pass over a batch of photos, from observed photo to recorded restoration."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from inversion import blind_blur
from inversion.degradations.degradation import Degradation
from inversion.degradations.inpaint import Inpaint
from inversion.errors import ConfigError
from inversion.images import quantize, to_pil
from inversion.latents.starts import sample_seed, starting_points
from inversion.metrics.psnr import psnr
from inversion.model import Model
from inversion.photos import Photo
from inversion.record.ending import Ending, explain
from inversion.record.latents_file import Latents
from inversion.record.outcome import Outcome, Tuning, record_outcome
from inversion.record.recorder import Recorder, Status, Tee
from inversion.record.watcher import Watcher
from inversion.runtime.memory import OutOfMemory, is_out_of_memory
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.objective import Objective, PerceptualLoss
from inversion.search.optimize import Result, optimize
from inversion.search.pivotal_tuning import Tuned, tune
from inversion.search.stacked import Stacked

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """One photo under one setting, with the place of its record."""

    photo: Photo
    degradation: Degradation
    degraded: bool  # the photo arrives corrupted
    settings: Hyperparameters
    seed: int
    folder: Path
    recorder: Recorder
    paste: bool = False  # put the restored face back into its photo
    start: Latents | None = None  # where the first search begins; None = at the mean face


@dataclass(frozen=True)
class Observation:
    """What is known of one photo: what the camera did, and what came of it."""

    operator: Degradation
    image: Tensor  # [1, 3, R, R] in [-1, 1]


def restore(
    model: Model,
    loss: PerceptualLoss,
    tasks: Sequence[
        Task
    ],  # alike in phases or space, optimizer, optimize_noise and prior: sweeps/execute/batches.py
    image_every: int = 0,
    animation_frames: int = 0,
    progress: Callable[[int, dict[str, float]], None] = lambda step, terms: None,
) -> list[Ending]:
    """Optimize all tasks as one batch and close every record: FINISHED, FAILED with the reason, or KILLED by Ctrl-C.

    Whatever ends the pass, what was reached is recorded first: last image, latents, losses. A photo that its
    degradation cannot be used on, or whose record cannot be written, fails alone. Raises OutOfMemory, with all
    records still open, when another try with fewer tasks could work.
    """
    endings: dict[int, Ending] = {}  # by task, as they are closed
    try:
        observations = observe_all(tasks, model, endings)
        if observations:
            search(model, loss, tasks, observations, endings, image_every, animation_frames, progress)
    except BaseException as error:
        out_of_memory = is_out_of_memory(error)
        if out_of_memory and len(tasks) > 1 and all(e.status != "FINISHED" for e in endings.values()):
            raise OutOfMemory(len(tasks)) from None  # the traceback would keep what filled the memory
        interrupted = isinstance(error, KeyboardInterrupt)
        for i in set(range(len(tasks))) - endings.keys():
            endings[i] = close(tasks[i], "KILLED" if interrupted else "FAILED", explain(error))
        if not (interrupted or out_of_memory):
            raise
    return [endings[i] for i in range(len(tasks))]


def observe_all(tasks: Sequence[Task], model: Model, endings: dict[int, Ending]) -> dict[int, Observation]:
    """What is known of each task's photo; a task of which nothing can be known is closed as FAILED."""
    observations = {}
    for i, task in enumerate(tasks):
        try:
            known = blind_blur.settle(task.degradation, task.photo.image[None], task.degraded, model)
            observations[i] = observe(replace(task, degradation=known), model.w_avg.device)
        except ValueError as error:
            endings[i] = close(task, "FAILED", explain(error))
    return observations


def observe(task: Task, device: torch.device) -> Observation:
    """Settle the operator for this photo and apply it, with the photo's own randomness. Raises ConfigError."""
    if task.paste:
        task.photo.with_face(to_pil(task.photo.image))  # what cannot be pasted is refused before the search
    photo = task.photo.image[None].to(device)
    if task.photo.mask is None:
        operator = task.degradation.bind(photo, task.degraded)
    elif isinstance(task.degradation, Inpaint):  # the photo's own mask went through the same alignment
        operator = task.degradation.bind(photo, task.degraded, task.photo.mask[None].to(photo))
    else:
        raise ConfigError(
            "A photo's mask says what inpainting fills in. Got input.mask with the degradation "
            f"{type(task.degradation).__name__}; degradation=inpaint degradation.mask=FILE would work."
        )
    if task.degraded:
        return Observation(operator, photo)
    with torch.no_grad():
        observed = operator.observe(photo, torch.Generator().manual_seed(task.seed))
        # a camera's file has 8 bits, and so has degraded.png
        return Observation(operator, quantize(observed))


def search(
    model: Model,
    loss: PerceptualLoss,
    tasks: Sequence[Task],
    observations: Mapping[int, Observation],  # by task; the others are not searched
    endings: dict[int, Ending],
    image_every: int,
    animation_frames: int,
    progress: Callable[[int, dict[str, float]], None],
) -> None:
    """The optimizer pass, watched and recorded; the sample that fits its photo best is the photo's restoration.

    Where `tuning_steps` asks for it, the generator is then fitted to each photo, one after the other.
    """
    samples = [(i, k) for i in observations for k in range(tasks[i].settings.samples)]  # one per row
    operator = Stacked(tuple(observations[i].operator for i, _ in samples))
    observed = torch.cat([observations[i].image for i, _ in samples])
    settings = [tasks[i].settings for i, _ in samples]
    seeds = [sample_seed(tasks[i].seed, k) for i, k in samples]
    objective = Objective(loss, operator, observed, settings, model.prior(settings[0].prior))
    # A record has room for one search: what is told step by step is the first sample's.
    recorders = [tasks[i].recorder if k == 0 else Tee() for i, k in samples]
    watcher = Watcher(recorders, settings, image_every, animation_frames, progress)
    starts = [tasks[i].start if k == 0 else None for i, k in samples]
    mean_face = model.w_avg.expand(model.synthesis.architecture.num_ws, -1)
    first = torch.stack([mean_face if start is None else start.ws[0].to(mean_face) for start in starts])
    begin = starting_points(model.generator.mapping, first, seeds, [k for _, k in samples])
    noises = [None if start is None else start.noises for start in starts]
    result = optimize(
        model.synthesis, objective, settings, seeds, model.w_avg, model.w_std, watcher, begin, noises
    )
    watcher.fetch()
    with torch.no_grad():
        restored = model.generator.synthesis(result.ws, result.noises)  # fp32, whatever the search ran in
        restored_degraded = operator(restored)
    fits = psnr(restored_degraded, observed).tolist()
    stopped, steps_before = any(result.interrupted), max(s.steps for s in settings)
    for i, observation in observations.items():
        task, mine = tasks[i], [row for row, (owner, _) in enumerate(samples) if owner == i]
        sound = [row for row in mine if result.failed_step[row] is None] or mine[:1]
        row = max(sound, key=fits.__getitem__)
        face, seen = restored[row, None], restored_degraded[row, None]
        tuned, tuning = None, None
        tuning_steps = task.settings.tuning_steps
        if tuning_steps and not stopped and result.failed_step[row] is None:
            tell = partial(tell_tuning, task, len(watcher.histories[mine[0]]["loss"]), progress, steps_before)
            tuned = tune(model, objective, task.settings, seeds[row], result, row, tell)
            stopped, steps_before = tuned.interrupted, steps_before + tuning_steps
            with torch.no_grad():
                face, seen = tuned.image, observation.operator(tuned.image)
            if tuned.failed_step is None:
                net = model.with_tuned(tuned.synthesis)
                tuning = Tuning(restored[row].cpu(), net, tuned.history, tuned.seconds)
        agreeing = observation.operator.consistent(face.clamp(-1, 1), observation.image)
        outcome = Outcome(
            photo=task.photo,
            degraded_input=task.degraded,
            found=blind_blur.found(task.degradation, observation.operator),
            observed=observed[row].cpu(),
            restored=face[0].cpu(),
            restored_degraded=seen[0].cpu(),
            consistent=agreeing[0].cpu(),
            ws=result.ws[row].cpu(),
            noises=[noise[row].cpu() for noise in result.noises],
            w_std=model.w_std,
            seed=seeds[row],
            history=watcher.histories[row],
            frames=watcher.frames[row],
            steps_done=watcher.steps_done[row],
            seconds=watcher.seconds[row],
            phase_steps=result.phase_steps[row],
            paste=task.paste,
            samples=restored[sound].cpu(),
            fits=[fits[row] for row in sound],
            tuning=tuning,
        )
        interrupted = any(result.interrupted[k] for k in mine) or (tuning_steps > 0 and stopped)
        endings[i] = record(outcome, task, *judge(result, row, tuned, interrupted))


def tell_tuning(
    task: Task,
    first: int,  # number of the record's next step
    progress: Callable[[int, dict[str, float]], None],
    done: int,  # steps of the pass before
    number: int,
    terms: dict[str, float],
) -> None:
    """Tell whoever watches the search of a step of tuning: its steps follow the search's."""
    task.recorder.log_metrics(terms, first + number)
    progress(done + number, terms)


def record(outcome: Outcome, task: Task, status: Status, reason: str) -> Ending:
    """Write down what was found and close the record; a full disk makes it a FAILED one."""
    try:
        figures = record_outcome(outcome, task.recorder, task.folder)
        task.recorder.finish(status, reason)
        return Ending(status, reason, figures)
    except (OSError, ValueError) as error:
        return close(task, "FAILED", explain(error))


def judge(result: Result, i: int, tuned: Tuned | None, interrupted: bool) -> tuple[Status, str]:
    """How problem i ended, and why. interrupted: it, or another sample of its photo, before its steps were over."""
    if result.failed_step[i] is not None:
        return "FAILED", (
            f"the {result.failed_term[i]} loss was not finite at step {result.failed_step[i]}; "
            "a smaller learning_rate would work"
        )
    if tuned is not None and tuned.failed_step is not None:
        return "FAILED", (
            f"the loss of tuning was not finite at its step {tuned.failed_step}: the restoration is the untuned "
            "one; a smaller tuning_rate would work"
        )
    if interrupted:
        return "KILLED", "interrupted; what was reached is recorded"
    return "FINISHED", ""


def close(task: Task, status: Status, reason: str) -> Ending:
    """Close the record of a task that came to nothing."""
    try:
        task.recorder.finish(status, reason)
    except Exception as error:  # the disk that failed the run may fail its last words as well
        log.warning("could not close the record: %s", error)
    return Ending(status, reason, {})
