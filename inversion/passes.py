"""One optimizer pass: from observed photos to restorations. Nothing here writes a file or knows who records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor

from inversion.drawn import Drawn, Row, draw
from inversion.images import to_pil
from inversion.losses.perceptual_loss import PerceptualLoss
from inversion.model import Model
from inversion.observation import Observation, observe
from inversion.restoration import Problem, Refusal, Restoration, Tuning, judge
from inversion.search.blind_blur import blur_misfit
from inversion.search.history import History, Listener, Silent
from inversion.search.pivotal_tuning import Tuned, tune
from inversion.unexplained import say_unexplained

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
    rows = [
        Row(i, k, own)
        for i, own in enumerate(observations)
        for k in range(own.problem.hyperparameters.samples)
    ]
    told = [listeners[row.owner] if row.sample == 0 else Silent() for row in rows]
    history = History(told, on_progress)
    drawn = draw(model, loss, rows, history)

    stopped, steps_before = drawn.offsets.interrupted, max(row.settings.steps for row in rows)
    restorations = []
    for i, observation in enumerate(observations):
        own = drawn.of(i)
        row, _ = drawn.best(own)
        tuned, steps = None, observation.problem.hyperparameters.tuning_steps
        if steps and not stopped and drawn.result.failed_step[row] is None:
            tell = partial(
                tell_tuning, listeners[i], len(history.losses[own[0]]["loss"]), on_progress, steps_before
            )
            settings, seed = drawn.rows[row].settings, drawn.rows[row].seed
            tuned = tune(model, drawn.objective, settings, seed, drawn.result, row, tell)
            stopped, steps_before = tuned.interrupted, steps_before + steps
        restorations.append(assemble(model, drawn, history, own, tuned, steps > 0 and stopped))
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
    drawn: Drawn,
    history: History,
    own: Sequence[int],  # this problem's rows
    tuned: Tuned | None,
    tuning_stopped: bool,  # Ctrl-C came before or while the generator was fitted
) -> Restoration:
    """Everything that is known of one problem, on the CPU."""
    result, offsets = drawn.result, drawn.offsets
    row, sound = drawn.best(own)
    observation = drawn.rows[row].observation
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
    whole = {k: finished(drawn.rows[k].observation, faces[k], drawn.unfitted[k, None]) for k in sound}
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
        seed=drawn.rows[row].seed,
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
