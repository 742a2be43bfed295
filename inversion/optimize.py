"""The loop: find the latents whose degraded images look like the photos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from inversion.generator.stylegan2 import SynthesisNetwork
from inversion.hyperparameters import Hyperparameters
from inversion.latents import noise_maps, spaces
from inversion.latents.adam import Adam
from inversion.latents.schedule import Schedule
from inversion.seeds import RandomStreams


@dataclass(frozen=True)
class Step:
    """What one step made, for whoever watches; tensors are detached and stay on the device."""

    number: int  # 0-based
    images: Tensor  # [B, 3, H, W] before the step's update
    terms: dict[str, Tensor]  # weighted loss terms, [B] each
    learning_rate: Tensor  # [B]
    running: Tensor  # [B] bool: neither finished nor stopped


@dataclass(frozen=True)
class Result:
    """Where the loop ended."""

    ws: Tensor  # [B, num_ws, w_dim]
    noises: list[Tensor]  # [B, 1, R, R] each
    failed_step: list[int | None]  # per problem, where a loss term was NaN or infinite
    failed_term: list[str | None]
    interrupted: bool  # Ctrl-C: everything above is what was reached


def optimize(
    synthesis: SynthesisNetwork,
    objective: Callable[[Tensor, Tensor, Sequence[Tensor]], dict[str, Tensor]],
    settings: Sequence[Hyperparameters],  # one per problem; all in the same space
    seeds: Sequence[int],
    w_avg: Tensor,  # [w_dim], its device and precision are the optimization's
    w_std: float,
    on_step: Callable[[Step], None],
) -> Result:
    """Fit one latent and one set of noise maps per problem; no problem feels its neighbours.

    Schedule and jitter: NVlabs/stylegan2-ada-pytorch, projector.py. A problem whose loss is not finite stands still
    from that step on, its neighbours go on.
    """
    num_ws, batch = synthesis.architecture.num_ws, len(settings)
    schedule = Schedule(settings, w_avg.device, w_avg.dtype)
    streams = RandomStreams(seeds, w_avg.device, w_avg.dtype)
    latent = spaces.start(settings[0].space, w_avg, num_ws, batch)
    noises = noise_maps.start(synthesis.noise_resolutions, streams)
    variables = [latent, *noises] if settings[0].optimize_noise else [latent]
    for variable in variables:
        variable.requires_grad_(True)
    adam = Adam(variables)
    health = Health(batch, w_avg.device)
    interrupted = False
    try:
        for number in range(max(s.steps for s in settings)):
            jitter = schedule.jitter(number)[:, None, None] * w_std * streams.normal(*latent.shape[1:])
            ws = spaces.to_ws(latent + jitter, num_ws)
            images = synthesis(ws, noises)
            terms = objective(images, ws, noises)
            # The sum over problems, not the mean: each gradient is that of its own loss.
            total = torch.stack(list(terms.values())).sum()
            gradients = torch.autograd.grad(total, variables)
            learning_rate = schedule.learning_rate(number)
            running = health.check(number, terms) & (number < schedule.steps)
            adam.step(gradients, torch.where(running, learning_rate, 0))
            if settings[0].optimize_noise:
                for noise in noises:
                    noise.data = torch.where(
                        running[:, None, None, None], noise_maps.normalize(noise.data), noise.data
                    )
            detached = {name: term.detach() for name, term in terms.items()}
            on_step(Step(number, images.detach(), detached, learning_rate, running))
    except KeyboardInterrupt:
        interrupted = True
    ws = spaces.to_ws(latent.detach(), num_ws)
    names = list(terms) if health.checked else []
    return Result(ws, [n.detach() for n in noises], *health.report(names), interrupted)


class Health:
    """Remembers, without asking the device each step, where each problem's loss first stopped being finite."""

    def __init__(self, batch: int, device: torch.device) -> None:
        self.failed_step = torch.full([batch], -1, device=device)
        self.failed_term = torch.full([batch], -1, device=device)
        self.checked = False

    def check(self, number: int, terms: dict[str, Tensor]) -> Tensor:
        """[B] bool: all terms of this and every earlier step were finite."""
        self.checked = True
        bad = ~torch.stack(list(terms.values())).detach().isfinite()  # [terms, B]
        first = bad.any(dim=0) & (self.failed_step < 0)
        self.failed_step = torch.where(first, number, self.failed_step)
        self.failed_term = torch.where(first, bad.int().argmax(dim=0), self.failed_term)
        return self.failed_step < 0

    def report(self, names: Sequence[str]) -> tuple[list[int | None], list[str | None]]:
        steps = [None if step < 0 else step for step in self.failed_step.tolist()]
        terms = [None if term < 0 else names[term] for term in self.failed_term.tolist()]
        return steps, terms
