"""One optimizer pass: from observed photos to restorations. Nothing here writes a file or knows who records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from inversion.degradations.compose import Compose
from inversion.degradations.degradation import Degradation
from inversion.degradations.inpaint import Inpaint
from inversion.errors import ConfigError, explain
from inversion.images import quantize, to_pil, to_tensor
from inversion.inspection import inspected, is_looked_at, resolved
from inversion.latents.starts import sample_seed, starting_points
from inversion.losses.perceptual_loss import PerceptualLoss
from inversion.metrics.psnr import psnr
from inversion.model import Model
from inversion.photo import FullSize
from inversion.restoration import Problem, Refusal, Restoration, Tuning, judge
from inversion.search.aims import aim
from inversion.search.blind_blur import blur_misfit, resolve_kernel
from inversion.search.feature_offsets import FeatureOffsets, fit_offsets
from inversion.search.framed import Framed
from inversion.search.history import History, Listener, Silent
from inversion.search.objective import Objective
from inversion.search.optimize import Result, optimize
from inversion.search.pivotal_tuning import Tuned, tune
from inversion.search.stacked import Stacked

OnProgress = Callable[[int, Mapping[str, float]], None]  # step, losses of one running problem


def ignore(step: int, losses: Mapping[str, float]) -> None:
    """Nobody watches."""


def restore(
    model: Model,
    loss: PerceptualLoss,
    problems: Sequence[Problem],  # alike in phases or space, optimizer, optimize_noise and prior
    listeners: Sequence[Listener] = (),  # one per problem, or none
    on_progress: OnProgress = ignore,
) -> list[Restoration | Refusal]:
    """Search for all problems as one batch; one result per problem, in their order.

    A problem whose degradation cannot be used on its photo is refused alone. Ctrl-C during the search ends it early:
    the restorations are what was reached, with status KILLED. Raises whatever else goes wrong, out of memory included.
    """
    listeners = listeners or [Silent()] * len(problems)
    observations = [observe(problem, model) for problem in problems]
    known = [o for o in observations if isinstance(o, Observation)]
    heard = [own for o, own in zip(observations, listeners, strict=True) if isinstance(o, Observation)]
    found = iter(search(model, loss, known, heard, on_progress) if known else ())
    return [o if isinstance(o, Refusal) else next(found) for o in observations]


@dataclass(frozen=True)
class FullObservation:
    """What the camera did at the photo's own size, and what came of it."""

    operator: Degradation
    image: Tensor  # [1, 3, S, S]


@dataclass(frozen=True)
class Observation:
    """What is known of one problem's photo: what the camera did, and what came of it."""

    problem: Problem
    operator: Degradation  # bound to the photo: nothing left open
    image: Tensor  # [1, 3, R, R] in [-1, 1], on the model's device
    full: FullObservation | None = None  # the same at the photo's own size
    inside: Tensor | None = None  # [1, 1, R, R], 1 = shows the photo; None: all of it does

    @property
    def compared(self) -> Degradation:
        """The operator as the loss knows it."""
        return self.operator if self.inside is None else Framed(self.operator, self.inside)


def observe(problem: Problem, model: Model) -> Observation | Refusal:
    """Bind the degradation to the photo and apply it, unless the photo arrives degraded."""
    try:
        return observed(problem, model)
    except ValueError as error:  # ConfigError and its kin: this photo alone cannot be used
        return Refusal(problem, explain(error))


def observed(problem: Problem, model: Model) -> Observation:
    """As `observe`. Raises ConfigError."""
    photo = problem.photo.image[None].to(model.w_avg.device)
    inside = problem.photo.inside(photo.shape[-1])
    inside = None if inside is None else inside[None].to(photo)
    degradation = problem.degradation
    if is_looked_at(degradation, problem.degraded):
        problem = replace(problem, photo=inspected(problem.photo))
        degradation = resolved(degradation, problem.photo)
    degradation = degradation.in_pixels(photo.shape[-1], problem.photo.side)
    degradation = resolve_kernel(degradation, photo, problem.degraded, model)
    mask = problem.photo.mask
    if mask is None:
        operator = degradation.bind(photo, problem.degraded)
    elif isinstance(degradation, Inpaint) or (isinstance(degradation, Compose) and degradation.fills_in):
        # the photo's own mask went through the same alignment
        operator = degradation.bind(photo, problem.degraded, mask[None].to(photo))
    else:
        raise ConfigError(
            "A photo's mask says what inpainting fills in. Got input.mask with the degradation "
            f"{type(degradation).__name__}; degradation=inpaint degradation.mask=FILE would work."
        )
    if problem.photo.full is not None:
        full = observed_in_full(problem, operator, problem.photo.full, photo)
        operator, image = full.operator.brought_down(full.image, photo.shape[-1])
        return Observation(problem, operator, image, full, inside)
    return Observation(problem, operator, as_camera(operator, photo, problem), None, inside)


def observed_in_full(
    problem: Problem, operator: Degradation, full: FullSize, small: Tensor
) -> FullObservation:
    """The operator, bound at the generator's resolution, and its photo at the photo's own size."""
    photo = to_tensor(full.image)[None].to(small)
    masks = None if full.mask is None else full.mask[None].to(small)
    large = operator.full_size(photo, photo.shape[-1] / small.shape[-1], problem.degraded, masks)
    return FullObservation(large, as_camera(large, photo, problem))


def as_camera(operator: Degradation, photo: Tensor, problem: Problem) -> Tensor:
    """A photo that arrives degraded as it is; any other corrupted, in the 8 bits of a camera's file."""
    if problem.degraded:
        return photo
    with torch.no_grad():
        return quantize(operator.observe(photo, torch.Generator().manual_seed(problem.seed)))


@dataclass(frozen=True)
class Drawn:
    """What the search has found, one row per sample of each problem, drawn in fp32."""

    result: Result
    offsets: FeatureOffsets
    history: History
    restored: Tensor  # [N, 3, R, R]
    unfitted: Tensor  # [N, 3, R, R], by the codes alone
    prediction: Tensor  # [N, 3, R, R], corrupted again
    fits: list[float]  # N, dB: psnr of `unfitted`, corrupted again, to the photo

    def best(self, rows: Sequence[int]) -> tuple[int, list[int]]:
        """Of one problem's rows: the one whose codes fit its photo best, and all whose losses stayed finite."""
        sound = [row for row in rows if self.result.failed_step[row] is None] or list(rows[:1])
        return max(sound, key=self.fits.__getitem__), sound


def search(
    model: Model,
    loss: PerceptualLoss,
    observations: Sequence[Observation],
    listeners: Sequence[Listener],
    on_progress: OnProgress,
) -> list[Restoration]:
    """The optimizer pass; of each problem's samples the one whose codes fit its photo best becomes its restoration.

    Where `tuning_steps` asks for it, the generator is then fitted to each photo, one after the other.
    """
    rows = [(i, k) for i, o in enumerate(observations) for k in range(o.problem.hyperparameters.samples)]
    problems = [observations[i].problem for i, _ in rows]
    settings = [problem.hyperparameters for problem in problems]
    operator = Stacked(tuple(observations[i].compared for i, _ in rows))
    photos = torch.cat([observations[i].image for i, _ in rows])
    objective = Objective(loss, operator, photos, settings, model.prior(settings[0].prior))
    # Only sample 0 is told of step by step: a record has room for one search.
    history = History([listeners[i] if k == 0 else Silent() for i, k in rows], on_progress)
    seeds = [sample_seed(problem.seed, k) for problem, (_, k) in zip(problems, rows, strict=True)]
    starts = [problem.start if k == 0 else None for problem, (_, k) in zip(problems, rows, strict=True)]
    mean_face = model.w_avg.expand(model.synthesis.architecture.num_ws, -1)
    first = torch.stack([mean_face if start is None else start.ws[0].to(mean_face) for start in starts])
    codes = starting_points(model.generator.mapping, first, seeds, [k for _, k in rows])
    noises = [None if start is None else start.noises for start in starts]
    result = optimize(
        model.synthesis, objective, settings, seeds, model.w_avg, model.w_std, history, codes, noises
    )
    history.fetch()
    with torch.no_grad():  # fp32, whatever the search ran in
        restored = unfitted = model.generator.synthesis(result.ws, result.noises)
    given = [{} if start is None else start.offsets for start in starts]
    aims = [
        aim(o.operator, o.compared, o.image, unfitted[k, None], settings[k])
        for k, o in enumerate(observations[i] for i, _ in rows)
    ]
    offsets = fit_offsets(
        model.synthesis, operator, photos, settings, result, loss.robust, history.fit, given, aims
    )
    with torch.no_grad():
        if offsets.maps:
            restored = model.generator.synthesis(result.ws, result.noises, offsets=offsets.maps)
            history.show_fitted(restored)
        prediction = operator(restored)
        by_codes = operator(unfitted) if offsets.maps else prediction
    insides = [observations[i].inside for i, _ in rows]
    seen = [torch.ones_like(photos[:1, :1]) if inside is None else inside for inside in insides]
    known = torch.cat(seen) if any(inside is not None for inside in insides) else None
    fits = psnr(by_codes, photos, known).tolist()
    drawn = Drawn(result, offsets, history, restored, unfitted, prediction, fits)

    stopped, steps_before = offsets.interrupted, max(s.steps for s in settings)
    restorations = []
    for i, observation in enumerate(observations):
        own = [row for row, (owner, _) in enumerate(rows) if owner == i]
        row, _ = drawn.best(own)
        tuned, steps = None, observation.problem.hyperparameters.tuning_steps
        if steps and not stopped and result.failed_step[row] is None:
            told = len(history.losses[own[0]]["loss"])
            tell = partial(tell_tuning, listeners[i], told, on_progress, steps_before)
            tuned = tune(model, objective, settings[row], seeds[row], result, row, tell)
            stopped, steps_before = tuned.interrupted, steps_before + steps
        restorations.append(assemble(model, observation, drawn, own, seeds, tuned, steps > 0 and stopped))
    return restorations


def tell_tuning(
    listener: Listener,
    told: int,  # steps of this problem's search: those of tuning follow
    on_progress: OnProgress,
    done: int,  # steps of the pass before
    step: int,
    terms: Mapping[str, float],
) -> None:
    listener.losses(told + step, terms)
    on_progress(done + step, terms)


@torch.no_grad()
def assemble(
    model: Model,
    observation: Observation,
    drawn: Drawn,
    own: Sequence[int],  # this problem's rows
    seeds: Sequence[int],
    tuned: Tuned | None,
    tuning_stopped: bool,  # Ctrl-C came before or while the generator was fitted
) -> Restoration:
    """Everything that is known of one problem, on the CPU."""
    result, history, offsets = drawn.result, drawn.history, drawn.offsets
    row, sound = drawn.best(own)
    face, prediction, tuning = drawn.restored[row, None], drawn.prediction[row, None], None
    if tuned is not None:
        face, prediction = tuned.image, observation.operator(tuned.image)
        if tuned.failed_step is None:
            checkpoint = model.with_tuned(tuned.synthesis)
            tuning = Tuning(drawn.restored[row].cpu(), checkpoint, tuned.history, tuned.seconds)
    consistent = observation.operator.consistent(face.clamp(-1, 1), observation.image)
    is_fitted = observation.problem.hyperparameters.steps_of_features > 0
    stopped = any(result.interrupted[k] for k in own) or (is_fitted and offsets.interrupted) or tuning_stopped
    full = observation.full
    completed = None if full is None else finished(observation, face, drawn.unfitted[row, None])[0].cpu()
    others = [(face if k == row else drawn.restored[k, None], drawn.unfitted[k, None]) for k in sound]
    status, reason = judge(result, row, tuned, stopped)
    degraded = observation.problem.degraded
    return Restoration(
        problem=observation.problem,
        status=status,
        reason=reason,
        operator=observation.operator,
        observed=observation.image[0].cpu(),
        restored=face[0].cpu(),
        prediction=prediction[0].cpu(),
        consistent=consistent[0].cpu(),
        full=completed,
        observed_full=None if full is None else full.image[0].cpu(),
        ws=result.ws[row].cpu(),
        noises=[noise[row].cpu() for noise in result.noises],
        offsets={side: x[row].cpu() for side, x in offsets.maps.items()} if is_fitted else {},
        w_std=model.w_std,
        seed=seeds[row],
        history=history.losses[row],
        steps_taken=history.steps_taken[row],
        seconds=history.seconds[row],
        feature_seconds=offsets.seconds if is_fitted else 0.0,
        phase_steps=tuple(result.phase_steps[row]),
        samples=drawn.restored[sound].cpu(),
        fits=tuple(drawn.fits[k] for k in sound),
        blur_misfit=blur_misfit(observation.operator, observation.image, model) if degraded else None,
        tuning=tuning,
        alternatives=tuple(to_pil(finished(observation, *each)[0]) for each in others if len(others) > 1),
    )


def finished(observation: Observation, face: Tensor, unfitted: Tensor) -> Tensor:
    """What a person takes home of a drawn face, [1, 3, R, R]: [1, 3, S, S] where the photo is larger.

    unfitted: the same face by its codes alone.
    """
    face, unfitted, full = face.clamp(-1, 1), unfitted.clamp(-1, 1), observation.full
    if full is not None:
        return full.operator.complete(face, full.image, unfitted)
    return observation.operator.consistent(face, observation.image)
