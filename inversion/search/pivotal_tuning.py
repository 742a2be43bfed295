"""Pivotal tuning: after the search, fit the generator's weights to the photo, to reproduce what no latent can.

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
from torch import Tensor, nn

from inversion.generator.statistics import random_codes
from inversion.model import Model
from inversion.search.convergence import Convergence
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.objective import Objective
from inversion.search.optimize import Result

# lambda_R: weight of the change of neighbouring faces. With the paper's 0.1, frequencies that a blurred photo does not
# show fill with stripes; 1.0 loses a third of what 100 steps gain in plain inversion.
LOCALITY = 0.3
# Distance of neighbours from the pivot, in units of w_std. The paper's alpha = 30 is a length over the codes of all 18
# layers, 7.1 per code; the embedded generator's w_std is 8.2.
RADIUS = 0.86


@dataclass(frozen=True)
class Tuned:
    """A synthesis network that was fitted to one photo, and how the fit went."""

    synthesis: nn.Module  # fp32; where a loss was not finite, the untuned one
    image: Tensor  # [1, 3, R, R], synthesized from the pivot
    history: dict[str, list[float]]  # per step: tuning_loss, the sum, and its weighted terms
    failed_step: int | None  # where a loss was not finite
    interrupted: bool  # Ctrl-C ended it before its last step
    seconds: float


def tune(
    model: Model,
    objective: Objective,  # of the search; only its image terms are used
    hyperparameters: Hyperparameters,  # of this problem
    seed: int,
    found: Result,
    row: int,  # of this problem in the search's result
    on_step: Callable[[int, dict[str, float]], None] = lambda step, terms: None,
) -> Tuned:
    """Fit a copy of the synthesis network to one problem; the pivot, the codes that the search has found, stays fixed.

    A step's loss is the search's image terms for the pivot, plus `LOCALITY` times the same terms between a random
    neighbour of the pivot after and before tuning. Ends early when the loss no longer falls.
    on_step(number, weighted terms, named as in `Tuned.history`).
    """
    start_time = time.monotonic()
    ws, noises = found.ws[row, None], [noise[row, None] for noise in found.noises]
    objective = objective.select([row])
    original, scale = model.generator.synthesis, model.synthesis.gradient_scale
    tuned = deepcopy(original).requires_grad_(True)
    optimizer = torch.optim.Adam(tuned.parameters(), hyperparameters.tuning_rate, eps=1e-8 * scale)
    others = torch.cat(list(random_codes(model.generator.mapping, hyperparameters.tuning_steps, seed)))
    noises_twice = [noise.expand(2, -1, -1, -1) for noise in noises]
    convergence = Convergence([replace(hyperparameters, early_stop=True)], ws.device)
    convergence.start_phase([0])
    rows = torch.zeros(1, dtype=torch.long, device=ws.device)
    history: dict[str, list[float]] = {}
    failed, interrupted = None, False
    try:
        for number, other in enumerate(others):
            neighbour = towards(ws, other, RADIUS * model.w_std)
            with torch.no_grad():
                before = original(neighbour, noises)
            image, after = tuned(torch.cat([ws, neighbour]), noises_twice).split(1)
            terms = objective.image_terms(image) | {
                "locality": LOCALITY * objective.difference(after, before)
            }
            loss = torch.stack(list(terms.values())).sum()
            values = {f"tuning_{name}": value.item() for name, value in {"loss": loss, **terms}.items()}
            for name, value in values.items():
                history.setdefault(name, []).append(value)
            on_step(number, values)
            if not math.isfinite(values["tuning_loss"]):
                failed = number
                break
            optimizer.zero_grad()
            (scale * loss).backward()
            optimizer.step()
            if convergence.check(number, [0], rows, terms):
                break
    except KeyboardInterrupt:
        interrupted = True
    with torch.no_grad():
        image = tuned(ws, noises)
        if failed is None and not image.isfinite().all():  # by the last update, whose loss is not computed
            failed = len(history["tuning_loss"])
        if failed is not None:
            tuned, image = original, original(ws, noises)
    seconds = time.monotonic() - start_time
    return Tuned(tuned.requires_grad_(False), image, history, failed, interrupted, seconds)


def towards(ws: Tensor, w: Tensor, distance: float) -> Tensor:
    """The codes at a distance from ws on the line towards w: w_r in the paper.

    ws: [1, num_ws, (channels,) w_dim]. w: [w_dim]. distance: root mean squared over the codes.
    """
    direction = w - ws
    return ws + distance * direction / direction.square().sum(dim=-1).mean().sqrt()
