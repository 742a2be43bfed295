"""The loop: find the latents whose degraded images look like the photos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from inversion.generator.prepared import PreparedSynthesis
from inversion.generator.stylegan2 import SynthesisNetwork
from inversion.hyperparameters import Hyperparameters
from inversion.latents import noise_maps, spaces
from inversion.latents.adam import Adam
from inversion.latents.schedule import Schedule
from inversion.objective import Objective
from inversion.seeds import RandomStreams


@dataclass(frozen=True)
class Step:
    """What one step made, for whoever watches; tensors are detached and stay on the device."""

    number: int  # 0-based
    problems: Sequence[int]  # which problem each of the B rows below is; those whose steps are over have left
    images: Tensor  # [B, 3, H, W] before the step's update
    terms: dict[str, Tensor]  # weighted loss terms, [B] each
    learning_rate: Tensor  # [B]
    running: Tensor  # [B] bool: not stopped by a loss that is not finite


@dataclass(frozen=True)
class Result:
    """Where the loop ended; every problem is here again, in the order in which they were given."""

    ws: Tensor  # [B, num_ws, w_dim]
    noises: list[Tensor]  # [B, 1, R, R] each
    failed_step: list[int | None]  # per problem, where a loss term was NaN or infinite
    failed_term: list[str | None]
    interrupted: bool  # Ctrl-C: everything above is what was reached


def optimize(
    synthesis: PreparedSynthesis | SynthesisNetwork,
    objective: Objective,
    settings: Sequence[Hyperparameters],  # one per problem; all in the same space
    seeds: Sequence[int],
    w_avg: Tensor,  # [w_dim], its device and precision are the optimization's
    w_std: float,
    on_step: Callable[[Step], None],
    begin: Tensor | None = None,  # [B, w_dim], each problem's first face; None = the mean face
) -> Result:
    """Fit one latent and one set of noise maps per problem; no problem feels its neighbours.

    Schedule and jitter: NVlabs/stylegan2-ada-pytorch, projector.py. A problem whose loss is not finite stands still
    from that step on, its neighbours go on. A problem whose steps are over leaves the batch.
    """
    num_ws = synthesis.architecture.num_ws
    scale = synthesis.gradient_scale
    if begin is None:
        begin = w_avg.expand(len(settings), -1)
    whole = batch = start(synthesis, objective, settings, seeds, begin)
    health = Health(len(settings), w_avg.device)
    names: list[str] = []
    ends = {s.steps for s in settings}
    interrupted = False
    try:
        for number in range(max(ends)):
            if number in ends:
                whole.take_back(batch)
                batch = batch.select([i for i, s in enumerate(batch.settings) if s.steps > number])
            latent, noises = batch.latent, batch.noises
            jitter = batch.schedule.jitter(number)[:, None, None] * w_std
            ws = spaces.to_ws(latent + jitter * batch.streams.normal(*latent.shape[1:]), num_ws)
            images = synthesis(ws, noises)
            terms = batch.objective(images, ws, noises)
            losses = torch.stack(list(terms.values()))  # [terms, B]
            # The sum over problems, not the mean: each gradient is that of its own loss.
            gradients = torch.autograd.grad(scale * losses.sum(), batch.adam.variables)
            learning_rate = batch.schedule.learning_rate(number)
            running = health.check(number, batch.rows, losses.detach())
            batch.adam.step(gradients, torch.where(running, learning_rate, 0))
            if settings[0].optimize_noise:
                for noise in noises:
                    noise.data = torch.where(
                        running[:, None, None, None], noise_maps.normalize(noise.data), noise.data
                    )
            names = list(terms)
            detached = dict(zip(names, losses.detach(), strict=True))
            on_step(Step(number, batch.problems, images.detach(), detached, learning_rate, running))
    except KeyboardInterrupt:
        interrupted = True
    whole.take_back(batch)
    ws = spaces.to_ws(whole.latent.detach(), num_ws)
    return Result(ws, [n.detach() for n in whole.noises], *health.report(names), interrupted)


@dataclass(frozen=True)
class Batch:
    """Problems that are searched together, one row each, with all that belongs to them."""

    problems: list[int]  # which of all problems each row is
    rows: Tensor  # [B], the same on the device
    settings: list[Hyperparameters]
    latent: Tensor  # [B, 1 or num_ws, w_dim]
    noises: list[Tensor]  # [B, 1, R, R] each
    adam: Adam
    schedule: Schedule
    streams: RandomStreams
    objective: Objective

    def select(self, rows: list[int]) -> Batch:
        """These rows alone, each exactly as far as it was."""
        settings = [self.settings[row] for row in rows]
        latent, *noises = (
            tensor.detach()[rows].requires_grad_(tensor.requires_grad)
            for tensor in (self.latent, *self.noises)
        )
        return Batch(
            [self.problems[row] for row in rows],
            self.rows[rows],
            settings,
            latent,
            noises,
            self.adam.select(rows, [tensor for tensor in (latent, *noises) if tensor.requires_grad]),
            Schedule(settings, latent.device, latent.dtype),
            self.streams.select(rows),
            self.objective.select(rows),
        )

    def take_back(self, part: Batch) -> None:
        """Put what a part of this batch has found into the rows that it came from."""
        if part is not self:
            for mine, found in zip((self.latent, *self.noises), (part.latent, *part.noises), strict=True):
                mine.data[part.problems] = found.data


def start(
    synthesis: PreparedSynthesis | SynthesisNetwork,
    objective: Objective,
    settings: Sequence[Hyperparameters],
    seeds: Sequence[int],
    begin: Tensor,
) -> Batch:
    """Every problem at its first face [B, w_dim], with noise maps of its own."""
    streams = RandomStreams(seeds, begin.device, begin.dtype)
    latent = spaces.start(settings[0].space, begin, synthesis.architecture.num_ws)
    noises = noise_maps.start(synthesis.noise_resolutions, streams)
    variables = [latent, *noises] if settings[0].optimize_noise else [latent]
    for variable in variables:
        variable.requires_grad_(True)
    schedule = Schedule(settings, begin.device, begin.dtype)
    problems = list(range(len(settings)))
    rows = torch.tensor(problems, device=begin.device)
    adam = Adam(variables, eps=1e-8 * synthesis.gradient_scale)  # Adam's step knows no scale but this
    return Batch(problems, rows, list(settings), latent, noises, adam, schedule, streams, objective)


class Health:
    """Remembers, without asking the device each step, where each problem's loss first stopped being finite."""

    def __init__(self, problems: int, device: torch.device) -> None:
        self.failed_step = torch.full([problems], -1, device=device)
        self.failed_term = torch.full([problems], -1, device=device)

    def check(self, number: int, rows: Tensor, losses: Tensor) -> Tensor:
        """[B] bool: all terms of this and every earlier step were finite. losses: [terms, B] of the problems `rows`."""
        bad = ~losses.isfinite()
        first = bad.any(dim=0) & (self.failed_step[rows] < 0)
        self.failed_step[rows] = torch.where(first, number, self.failed_step[rows])
        self.failed_term[rows] = torch.where(first, bad.int().argmax(dim=0), self.failed_term[rows])
        return self.failed_step[rows] < 0

    def report(self, names: Sequence[str]) -> tuple[list[int | None], list[str | None]]:
        """Per problem: the step and the term, None where all was well. names: of the terms."""
        steps = [None if step < 0 else step for step in self.failed_step.tolist()]
        terms = [None if term < 0 else names[term] for term in self.failed_term.tolist()]
        return steps, terms
