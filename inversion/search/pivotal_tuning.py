"""Once latents are found, fit the generator itself to the photo: what no latent can say, the weights learn.

Roich et al. 2021, Pivotal Tuning for Latent-based Editing of Real Images, section 3; their weights and steps from
their code (danielroich/PTI, configs/hyperparameters.py).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from inversion.generator.statistics import random_codes
from inversion.generator.stylegan2 import SynthesisNetwork
from inversion.model import Model
from inversion.search.convergence import Convergence
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.objective import Objective
from inversion.search.optimize import Result

# Weight of what neighbouring faces change, lambda_R. With the paper's 0.1, what a blurred photo does not show fills
# with stripes; 1.0 takes a third of what 100 steps gain at plain inversion.
LOCALITY = 0.3
# How far neighbours are, in units of w_std. The paper's alpha = 30 is a length over the codes of all 18 layers, 7.1
# per code; the embedded generator's w_std is 8.2.
RADIUS = 0.86


@dataclass(frozen=True)
class Tuned:
    """A synthesis network of one photo's own, and how it came about."""

    synthesis: SynthesisNetwork  # fp32; where a loss was not finite, the one that was given
    image: Tensor  # [1, 3, R, R], what it draws of the pivot
    history: dict[str, list[float]]  # per step: tuning_loss, its sum, and weighted terms
    failed_step: int | None  # where a loss was not finite
    interrupted: bool  # Ctrl-C ended it before its steps were over
    seconds: float


def tune(
    model: Model,
    objective: Objective,  # of the search; here only its comparisons with the photo count
    settings: Hyperparameters,  # of this problem
    seed: int,
    found: Result,
    row: int,  # of the search's result, which problem
    on_step: Callable[[int, dict[str, float]], None] = lambda step, terms: None,
) -> Tuned:
    """Fit a copy of the synthesis network to one problem: what the search has found, the pivot, stays as it is.

    A step's loss is how unlike the photo the pivot's degraded image is, as in the search, and `LOCALITY` times how
    unlike itself before, by the same comparisons, a random neighbour of the pivot has become. Ends early when the loss
    no longer falls. on_step(number, weighted terms, as in `Tuned.history`).
    """
    began = time.monotonic()
    ws, noises = found.ws[row, None], [noise[row, None] for noise in found.noises]
    objective = objective.select([row])
    original, scale = model.generator.synthesis, model.synthesis.gradient_scale
    tuned = deepcopy(original).requires_grad_(True)
    optimizer = torch.optim.Adam(tuned.parameters(), settings.tuning_rate, eps=1e-8 * scale)
    others = torch.cat(list(random_codes(model.generator.mapping, settings.tuning_steps, seed)))
    twice = [noise.expand(2, -1, -1, -1) for noise in noises]
    convergence = Convergence([replace(settings, early_stop=True)], ws.device)
    convergence.begin([0])
    only = torch.zeros(1, dtype=torch.long, device=ws.device)
    history: dict[str, list[float]] = {}
    failed, interrupted = None, False
    try:
        for number, other in enumerate(others):
            neighbour = towards(ws, other, RADIUS * model.w_std)
            with torch.no_grad():
                before = original(neighbour, noises)
            image, after = tuned(torch.cat([ws, neighbour]), twice).split(1)
            terms = objective.compare(image) | {"locality": LOCALITY * objective.between(after, before)}
            loss = torch.stack(list(terms.values())).sum()
            values = {"loss": loss.item()} | {name: term.item() for name, term in terms.items()}
            for name, value in values.items():
                history.setdefault(f"tuning_{name}", []).append(value)
            on_step(number, {f"tuning_{name}": value for name, value in values.items()})
            if not math.isfinite(values["loss"]):
                failed = number
                break
            optimizer.zero_grad()
            (scale * loss).backward()
            optimizer.step()
            if convergence.watch(number, [0], only, terms):
                break
    except KeyboardInterrupt:
        interrupted = True
    tuned.requires_grad_(False)
    with torch.no_grad():
        image = tuned(ws, noises)
        if failed is None and not image.isfinite().all():
            failed = len(history["tuning_loss"])
        if failed is not None:
            tuned, image = original, original(ws, noises)
    return Tuned(tuned, image, history, failed, interrupted, time.monotonic() - began)


def towards(ws: Tensor, w: Tensor, distance: float) -> Tensor:
    """The codes on the way from ws to w at a distance from ws: w_r in the paper.

    ws: [1, num_ws, (channels,) w_dim]. w: [w_dim]. distance: root mean squared over the codes.
    """
    way = w - ws
    return ws + distance * way / way.square().sum(dim=-1).mean().sqrt()
