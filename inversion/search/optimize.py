"""The loop: find the latents whose degraded images look like the photos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from inversion.generator.prepared import PreparedSynthesis
from inversion.generator.stylegan2 import SynthesisNetwork
from inversion.latents import noise_maps, spaces
from inversion.optimizers.adam import Adam
from inversion.optimizers.normalized_gradient import NormalizedGradient
from inversion.optimizers.torch_adam import TorchAdam
from inversion.search.coarse import with_coarse_phases
from inversion.search.convergence import Convergence
from inversion.search.cuda_graph import Replay
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.objective import Objective
from inversion.search.schedule import Schedule
from inversion.search.seeds import RandomStreams


@dataclass(frozen=True)
class Step:
    """What one step made, for whoever watches; tensors are detached and stay on the device.

    Images may be overwritten by the next step.
    """

    number: int  # 0-based
    problems: Sequence[int]  # which problem each of the B rows below is; those whose steps are over have left
    images: Sequence[Tensor]  # B times [3, H, W], before the step's update; in coarse phases smaller
    terms: dict[str, Tensor]  # weighted loss terms, [B] each
    learning_rate: Tensor  # [B]
    running: Tensor  # [B] bool: not stopped by a loss that is not finite
    last: Sequence[bool]  # B: the problem's steps end with this one


@dataclass(frozen=True)
class Result:
    """Where the loop ended; every problem is here again, in the order in which they were given."""

    ws: Tensor  # [B, num_ws, w_dim], in w++ [B, num_ws, channels, w_dim]
    noises: list[Tensor]  # [B, 1, R, R] each
    failed_step: list[int | None]  # per problem, where a loss term was NaN or infinite
    failed_term: list[str | None]
    phase_steps: list[list[int]]  # per problem, the steps that each phase took
    interrupted: list[bool]  # per problem: Ctrl-C ended it before its steps were over


def optimize(
    synthesis: PreparedSynthesis | SynthesisNetwork,
    objective: Objective,
    settings: Sequence[Hyperparameters],  # one per problem; all with the same phases and optimizer
    seeds: Sequence[int],
    w_avg: Tensor,  # [w_dim], its device and precision are the optimization's
    w_std: float,
    on_step: Callable[[Step], None],
    begin: Tensor | None = None,  # [B, w_dim] or [B, num_ws, w_dim], first faces; None = the mean face
    begin_noises: Sequence[Sequence[Tensor] | None] | None = None,  # per problem [1, R, R] each; None = drawn
) -> Result:
    """Fit one latent and one set of noise maps per problem; no problem feels its neighbours.

    Schedule and jitter: NVlabs/stylegan2-ada-pytorch, projector.py. A problem whose loss is not finite stands still
    from that step on, its neighbours go on. A problem whose steps are over leaves the batch.
    """
    num_ws, scale = synthesis.architecture.num_ws, synthesis.gradient_scale
    first = w_avg.expand(len(settings), -1) if begin is None else begin
    whole = batch = start(synthesis, objective, settings, seeds, first, begin_noises)
    health = Health(len(settings), w_avg.device)
    convergence = Convergence(settings, w_avg.device)
    names: list[str] = []
    number, interrupted = 0, False
    try:
        while batch.problems:
            now = batch.schedule.at(batch.clocks)
            batch.optimizer.restart(now.begins)
            convergence.begin([batch.problems[row] for row in now.begins])
            latent, noises = batch.latent, batch.noises
            draws = spaces.jitter(batch.streams.normal(num_ws, len(w_avg)), now.spaces)
            codes = latent + spaces.per_code(now.jitter[:, None, None] * w_std * draws, latent)
            ws = spaces.filled(codes, batch.used)
            images, terms = batch.compare(ws, noises, now.coarse)
            losses = torch.stack(list(terms.values()))  # [terms, B]
            # The sum over problems, not the mean: each gradient is that of its own loss.
            gradient, *others = torch.autograd.grad(scale * losses.sum(), batch.optimizer.variables)
            running = health.check(number, batch.rows, losses.detach())
            tied = [spaces.tie(gradient, now.spaces), *noise_maps.held(others, now.moves_noise)]
            batch.optimizer.step(tied, torch.where(running, now.learning_rate, 0))
            if others:
                noise_maps.normalize_in_place(noises, running, now.moves_noise)
            converged = convergence.watch(number, batch.problems, batch.rows, terms)
            batch.clocks[:] = batch.schedule.after(batch.clocks, converged)
            names = list(terms)
            weighed = dict(zip(names, losses.detach(), strict=True))
            drawn = [image.detach() for image in images]
            on_step(Step(number, batch.problems, drawn, weighed, now.learning_rate, running, batch.over))
            number += 1
            if any(batch.over):
                whole.take_back(batch)
                batch = batch.select([row for row, over in enumerate(batch.over) if not over])
    except KeyboardInterrupt:
        interrupted = True
    whole.take_back(batch)
    going = {problem for problem, over in zip(batch.problems, batch.over, strict=True) if not over}
    return Result(
        spaces.filled(whole.latent.detach(), whole.used),
        [noise.detach() for noise in whole.noises],
        *health.report(names),
        convergence.phase_steps,
        [interrupted and problem in going for problem in range(len(settings))],
    )


@dataclass(frozen=True)
class Batch:
    """Problems that are searched together, one row each, with all that belongs to them."""

    problems: list[int]  # which of all problems each row is
    rows: Tensor  # [B], the same on the device
    clocks: list[int]  # at which of its steps each problem is
    settings: list[Hyperparameters]
    latent: Tensor  # [B, num_ws, (channels,) w_dim]
    noises: list[Tensor]  # [B, 1, R, R] each
    used: Tensor | None  # [num_ws, channels] bool, in w++: the codes that layers read
    optimizer: Adam | NormalizedGradient
    schedule: Schedule
    streams: RandomStreams
    compare: Replay

    @property
    def over(self) -> list[bool]:
        """Whose steps are over."""
        return [clock >= s.steps for clock, s in zip(self.clocks, self.settings, strict=True)]

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
            [self.clocks[row] for row in rows],
            settings,
            latent,
            noises,
            self.used,
            self.optimizer.select(rows, [tensor for tensor in (latent, *noises) if tensor.requires_grad]),
            self.schedule.select(rows),
            self.streams.select(rows),
            Replay(self.compare.synthesis, self.compare.objective.select(rows)),
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
    begin_noises: Sequence[Sequence[Tensor] | None] | None,
) -> Batch:
    """Every problem at its first face, with noise maps of its own."""
    streams = RandomStreams(seeds, begin.device, begin.dtype)
    a = synthesis.architecture
    settings = with_coarse_phases(settings, synthesis, objective)
    wide = any(s.uses("w++") for s in settings)
    used = spaces.in_use([a.channels(a.resolutions[i // 2]) for i in range(a.num_ws)]) if wide else None
    latent = spaces.start(begin, a.num_ws, used)
    noises = noise_maps.start(synthesis.noise_resolutions, streams)
    for row, given in enumerate(begin_noises or ()):
        for drawn, own in zip(noises, given or (), strict=False):
            drawn[row] = own
    variables = [latent, *noises] if any(s.moves_noise() for s in settings) else [latent]
    for variable in variables:
        variable.requires_grad_(True)
    optimizer: Adam | NormalizedGradient = NormalizedGradient(variables)
    if settings[0].optimizer != "ngd":  # its step knows no scale of the loss but this
        kind = TorchAdam if settings[0].optimizer == "torch_adam" else Adam
        optimizer = kind(variables, eps=1e-8 * synthesis.gradient_scale)
    schedule = Schedule(settings, begin.device, begin.dtype)
    problems = list(range(len(settings)))
    rows = torch.tensor(problems, device=begin.device)
    clocks = [0] * len(settings)
    compare = Replay(synthesis, objective)
    return Batch(
        problems, rows, clocks, list(settings), latent, noises, used, optimizer, schedule, streams, compare
    )


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
