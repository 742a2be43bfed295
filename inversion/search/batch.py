"""Problems that are optimized together, one row each, with their variables, schedules and random streams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from inversion.generator.synthesis import Synthesis
from inversion.latents import noise_maps
from inversion.latents.space import LatentSpace, per_space
from inversion.latents.spaces import expand_codes, fill_unused, per_code, used_channels
from inversion.optimizers.optimizer import Optimizer
from inversion.search import families
from inversion.search.coarse import with_coarse_phases
from inversion.search.cuda_graph import CUDAGraphStep
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.objective import Objective
from inversion.search.schedule import Schedule, ScheduleStep
from inversion.search.seeds import RandomStreams


@dataclass(frozen=True)
class Batch:
    """B problems; what belongs to a problem is at its row in every list and tensor."""

    problems: list[int]  # which of all problems each row is
    rows: Tensor  # [B], the same on the device
    step_indices: list[int]  # the next step of each problem's own schedule
    hyperparameters: list[Hyperparameters]
    spaces: list[LatentSpace]  # in which each row of the latent is written
    latent: Tensor  # [B, num_ws, (channels,) w_dim]
    noises: list[Tensor]  # [B, 1, R, R] each
    used: Tensor | None  # [num_ws, channels] bool, with codes per channel: those that the network reads
    optimizer: Optimizer
    schedule: Schedule
    streams: RandomStreams
    images_and_terms: CUDAGraphStep

    @property
    def finished(self) -> list[bool]:
        """Which problems have taken all their steps."""
        return [i >= h.steps for i, h in zip(self.step_indices, self.hyperparameters, strict=True)]

    def start_phases(self, now: ScheduleStep) -> None:
        """Write the latents of problems whose phase starts in its space, and clear their optimizer's state."""
        for row in now.starting:
            ws = self.spaces[row].to_ws(self.latent.data[row, None])
            self.spaces[row] = now.spaces[row]
            self.latent.data[row, None] = now.spaces[row].from_ws(ws)
        self.optimizer.restart(now.starting)

    def ws(self, jitter: Tensor | None = None) -> Tensor:
        """The codes that the latents stand for, [B, num_ws, (channels,) w_dim]; jitter: [B], standard deviation."""
        ws = per_space(self.spaces, "to_ws", self.latent)
        if jitter is not None:
            draws = self.streams.normal(self.latent.shape[1], self.latent.shape[-1])
            draws = per_space(self.spaces, "share_jitter", draws)
            ws = ws + per_code(jitter[:, None, None] * draws, ws)
        return fill_unused(ws, self.used)

    def gradients(self, losses: Tensor, optimize_noise: Sequence[bool]) -> list[Tensor]:
        """Of each problem's own total loss, for the optimizer's variables.

        losses: [terms, B]. Their sum over problems is differentiated, not the mean, so that a problem's gradient does
        not depend on the number of its neighbours.
        """
        scale = self.images_and_terms.synthesis.gradient_scale
        latent, *noises = torch.autograd.grad(scale * losses.sum(), self.optimizer.variables)
        tied = per_space(self.spaces, "sum_tied_gradients", latent)
        gradients = [tied, *noise_maps.mask_gradients(noises, optimize_noise)]
        return gradients if scale == 1 else [gradient / scale for gradient in gradients]

    def select(self, rows: list[int]) -> Batch:
        """A batch of these rows alone, with their step, optimizer and random state."""
        latent, *noises = (
            tensor.detach()[rows].requires_grad_(tensor.requires_grad)
            for tensor in (self.latent, *self.noises)
        )
        return Batch(
            [self.problems[row] for row in rows],
            self.rows[rows],
            [self.step_indices[row] for row in rows],
            [self.hyperparameters[row] for row in rows],
            [self.spaces[row] for row in rows],
            latent,
            noises,
            self.used,
            self.optimizer.select(rows, [tensor for tensor in (latent, *noises) if tensor.requires_grad]),
            self.schedule.select(rows),
            self.streams.select(rows),
            self.images_and_terms.select(rows),
        )

    def scatter(self, part: Batch) -> None:
        """Copy the variables of a selected part of this batch back into the rows that it came from."""
        if part is self:
            return
        for mine, theirs in zip((self.latent, *self.noises), (part.latent, *part.noises), strict=True):
            mine.data[part.problems] = theirs.data
        for problem, space in zip(part.problems, part.spaces, strict=True):
            self.spaces[problem] = space


def start_batch(
    synthesis: Synthesis,
    objective: Objective,
    hyperparameters: Sequence[Hyperparameters],
    seeds: Sequence[int],
    start_ws: Tensor,  # [B, w_dim] or [B, num_ws, w_dim]
    start_noises: Sequence[Sequence[Tensor] | None] | None,  # per problem [1, R, R] each; None = drawn
) -> Batch:
    """All problems at the codes from which they start, with noise maps of their own."""
    streams = RandomStreams(seeds, start_ws.device, start_ws.dtype)
    a = synthesis.architecture
    hyperparameters = with_coarse_phases(hyperparameters, synthesis, objective)
    per_channel = any(h.any_phase_per_channel() for h in hyperparameters)
    used = used_channels(a.style_channels) if per_channel else None
    latent = expand_codes(start_ws, a.num_ws, used)
    noises = noise_maps.draw(synthesis.noise_resolutions, streams)
    for row, given in enumerate(start_noises or ()):
        for drawn, own in zip(noises, given or (), strict=False):
            drawn[row] = own
    optimized = [latent, *noises] if any(h.any_phase_optimizes_noise() for h in hyperparameters) else [latent]
    for variable in optimized:
        variable.requires_grad_(True)
    problems = list(range(len(hyperparameters)))
    return Batch(
        problems,
        torch.tensor(problems, device=start_ws.device),
        [0] * len(problems),
        hyperparameters,
        [LatentSpace()] * len(problems),  # the codes themselves, until the first phase starts
        latent,
        noises,
        used,
        families.optimizer(hyperparameters[0].optimizer)(optimized),
        Schedule(hyperparameters, start_ws.device, start_ws.dtype),
        streams,
        CUDAGraphStep(synthesis, objective),
    )
