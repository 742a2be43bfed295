"""The loop: find the latents whose degraded images look like the photos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from inversion.generator.synthesis import Synthesis
from inversion.latents import noise_maps
from inversion.search.batch import start_batch
from inversion.search.convergence import Convergence
from inversion.search.finite_losses import FiniteLosses
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.objective import Objective


@dataclass(frozen=True)
class Step:
    """What one step computed, for `on_step`; tensors are detached and stay on the device.

    The next step may overwrite the images.
    """

    number: int  # 0-based
    problems: Sequence[int]  # which problem each of the B rows below is; finished ones have left the batch
    images: Sequence[Tensor]  # B times [3, H, W], before the step's update; in coarse phases smaller
    terms: dict[str, Tensor]  # weighted loss terms, [B] each
    learning_rate: Tensor  # [B]
    running: Tensor  # [B] bool: not stopped by a loss that is not finite
    last: Sequence[bool]  # B: this is the problem's last step


@dataclass(frozen=True)
class Result:
    """What the search found: one row per problem, in the order in which they were given."""

    ws: Tensor  # [B, num_ws, w_dim], with codes per channel [B, num_ws, channels, w_dim]
    noises: list[Tensor]  # [B, 1, R, R] each
    failed_step: list[int | None]  # per problem, where a loss term first was NaN or infinite
    failed_term: list[str | None]
    phase_steps: list[list[int]]  # per problem, the number of steps that each phase took
    interrupted: list[bool]  # per problem: Ctrl-C ended it before its last step


def optimize(
    synthesis: Synthesis,
    objective: Objective,
    hyperparameters: Sequence[Hyperparameters],  # one per problem; all with the same phases and optimizer
    seeds: Sequence[int],
    w_avg: Tensor,  # [w_dim]; its device and precision are the optimization's
    w_std: float,
    on_step: Callable[[Step], None],
    start_ws: Tensor | None = None,  # [B, w_dim] or [B, num_ws, w_dim]; None = the mean face
    start_noises: Sequence[Sequence[Tensor] | None] | None = None,  # per problem [1, R, R] each; None = drawn
) -> Result:
    """Fit one latent and one set of noise maps per problem; no problem's result depends on its neighbours.

    Schedule and jitter: NVlabs/stylegan2-ada-pytorch, projector.py. A problem whose loss is not finite no longer
    changes from that step on, its neighbours go on. A problem that has taken its last step leaves the batch.
    """
    start_ws = w_avg.expand(len(hyperparameters), -1) if start_ws is None else start_ws
    everyone = batch = start_batch(synthesis, objective, hyperparameters, seeds, start_ws, start_noises)
    finite = FiniteLosses(len(hyperparameters), w_avg.device)
    convergence = Convergence(hyperparameters, w_avg.device)
    names: list[str] = []
    number, interrupted = 0, False
    try:
        while batch.problems:
            now = batch.schedule.at(batch.step_indices)
            batch.start_phases(now)
            convergence.start_phase([batch.problems[row] for row in now.starting])
            images, terms = batch.images_and_terms(batch.ws(now.jitter * w_std), batch.noises, now.coarse)
            losses = torch.stack(list(terms.values()))  # [terms, B]
            gradients = batch.gradients(losses, now.optimize_noise)
            running = finite.check(number, batch.rows, losses.detach())
            batch.optimizer.step(gradients, torch.where(running, now.learning_rate, 0))
            if any(now.optimize_noise):
                noise_maps.normalize_in_place(batch.noises, running, now.optimize_noise)
            converged = convergence.check(number, batch.problems, batch.rows, terms)
            batch.step_indices[:] = batch.schedule.next_indices(batch.step_indices, converged)
            names = list(terms)
            weighted = dict(zip(names, losses.detach(), strict=True))
            seen = [image.detach() for image in images]
            on_step(Step(number, batch.problems, seen, weighted, now.learning_rate, running, batch.finished))
            number += 1
            if any(batch.finished):
                everyone.scatter(batch)
                batch = batch.select([row for row, finished in enumerate(batch.finished) if not finished])
    except KeyboardInterrupt:
        interrupted = True
    everyone.scatter(batch)
    unfinished = {p for p, finished in zip(batch.problems, batch.finished, strict=True) if not finished}
    return Result(
        everyone.ws().detach(),
        [noise.detach() for noise in everyone.noises],
        *finite.report(names),
        convergence.phase_steps,
        [interrupted and problem in unfinished for problem in range(len(hyperparameters))],
    )
