"""One optimizer pass: from observed photos to restorations. Nothing here writes a file or knows who records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from inversion.images import to_pil
from inversion.latents.starts import sample_seed, starting_points
from inversion.losses.perceptual_loss import PerceptualLoss
from inversion.metrics.psnr import psnr
from inversion.model import Model
from inversion.observation import Observation, observe
from inversion.restoration import Problem, Refusal, Restoration, Tuning, judge
from inversion.search.aims import ExpectedFaces, aim
from inversion.search.blind_blur import blur_misfit
from inversion.search.feature_offsets import FeatureOffsets, fit_offsets
from inversion.search.history import History, Listener, Silent
from inversion.search.objective import Objective
from inversion.search.optimize import Result, optimize
from inversion.search.pivotal_tuning import Tuned, tune
from inversion.search.stacked import Stacked
from inversion.unexplained import say_unexplained, without_unexplained

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
class Drawn:
    """What the search has found, one row per sample of each problem, drawn in fp32."""

    observations: list[Observation]  # N, without what the search could not explain
    result: Result
    offsets: FeatureOffsets
    history: History
    restored: Tensor  # [N, 3, R, R]
    unfitted: Tensor  # [N, 3, R, R], by the codes alone
    prediction: Tensor  # [N, 3, R, R], corrupted again
    fits: list[float]  # N, dB: psnr of `unfitted`, corrupted again, to all of the photo

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
    seen = [observations[i] for i, _ in rows]
    problems = [own.problem for own in seen]
    settings = [problem.hyperparameters for problem in problems]
    operator, photos = stacked(seen)
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
        fits = psnr(operator(unfitted), photos, shown(seen)).tolist()
    faces = unfitted.split(1)
    left_out = [without_unexplained(own, face) for own, face in zip(seen, faces, strict=True)]
    if any(own is not before for own, before in zip(left_out, seen, strict=True)):
        seen = left_out
        operator, photos = stacked(seen)
        objective = Objective(loss, operator, photos, settings, objective.prior)
    given = [{} if start is None else start.offsets for start in starts]
    expected = ExpectedFaces(loss.robust)
    aims = [
        aim(own.operator, own.compared, own.image, unfitted[k, None], settings[k], expected)
        for k, own in enumerate(seen)
        if not any(result.interrupted)  # nothing is fitted then
    ]
    offsets = fit_offsets(
        model.synthesis, operator, photos, settings, result, loss.robust, history.fit, given, aims
    )
    with torch.no_grad():
        if offsets.maps:
            restored = model.generator.synthesis(result.ws, result.noises, offsets=offsets.maps)
            history.show_fitted(restored)
        drawn = Drawn(seen, result, offsets, history, restored, unfitted, operator(restored), fits)

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
        restorations.append(assemble(model, drawn, own, seeds, tuned, steps > 0 and stopped))
    return restorations


def stacked(observations: Sequence[Observation]) -> tuple[Stacked, Tensor]:
    """Their operators, as the loss knows them, as one; their photos, [B, 3, R, R]."""
    return Stacked(tuple(own.compared for own in observations)), torch.cat(
        [own.image for own in observations]
    )


def shown(observations: Sequence[Observation]) -> Tensor | None:
    """[B, 1, R, R], 1 = shows the photo; None: everything does."""
    if all(own.inside is None for own in observations):
        return None
    everywhere = torch.ones_like(observations[0].image[:, :1])
    return torch.cat([everywhere if own.inside is None else own.inside for own in observations])


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
    drawn: Drawn,
    own: Sequence[int],  # this problem's rows
    seeds: Sequence[int],
    tuned: Tuned | None,
    tuning_stopped: bool,  # Ctrl-C came before or while the generator was fitted
) -> Restoration:
    """Everything that is known of one problem, on the CPU."""
    result, history, offsets = drawn.result, drawn.history, drawn.offsets
    row, sound = drawn.best(own)
    observation = drawn.observations[row]
    face, prediction, tuning = drawn.restored[row, None], drawn.prediction[row, None], None
    if tuned is not None:
        face, prediction = tuned.image, observation.operator(tuned.image)
        if tuned.failed_step is None:
            checkpoint = model.with_tuned(tuned.synthesis)
            tuning = Tuning(drawn.restored[row].cpu(), checkpoint, tuned.history, tuned.seconds)
    is_fitted = observation.problem.hyperparameters.steps_of_features > 0
    stopped = any(result.interrupted[k] for k in own) or (is_fitted and offsets.interrupted) or tuning_stopped
    full = observation.full
    faces = {k: drawn.restored[k, None] for k in sound} | {row: face}
    whole = {k: finished(drawn.observations[k], faces[k], drawn.unfitted[k, None]) for k in sound}
    consistent = whole[row]
    if full is not None:
        consistent = observation.operator.consistent(face.clamp(-1, 1), observation.image)
    if observation.unexplained is not None:
        say_unexplained(observation)
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
        full=None if full is None else whole[row][0].cpu(),
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
        alternatives=tuple(to_pil(whole[k][0]) for k in sound if len(sound) > 1),
        unexplained=None if observation.unexplained is None else observation.unexplained[0].cpu(),
    )


def finished(observation: Observation, face: Tensor, unfitted: Tensor) -> Tensor:
    """What a person takes home of a drawn face, [1, 3, R, R]: [1, 3, S, S] where the photo is larger.

    unfitted: the same face by its codes alone.
    """
    face, unfitted, full = face.clamp(-1, 1), unfitted.clamp(-1, 1), observation.full
    if full is not None:
        return full.operator.complete(face, full.image, unfitted)
    return observation.operator.consistent(face, observation.image)
