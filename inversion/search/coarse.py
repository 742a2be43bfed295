"""Coarse phases: synthesize images no larger than the loss reads them, which takes a fraction of the time.

A skip generator adds up one RGB image per resolution (Karras et al. 2020, Analyzing and Improving the Image Quality of
StyleGAN, section 4.1): the running sum at 256 px is nearly the whole image reduced to 256 px.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from inversion.generator.synthesis import Synthesis
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.objective import Objective

Terms = dict[str, Tensor]


def with_coarse_phases(
    hyperparameters: Sequence[Hyperparameters],
    synthesis: Synthesis,
    objective: Objective,
) -> list[Hyperparameters]:
    """The same hyperparameters, with `coarse_until` set to 0 for problems that need the whole image.

    Those are: all with another architecture than skip or a loss that reads every pixel, and those whose degradation has
    no form for smaller images.
    """
    skip = synthesis.architecture.architecture == "skip"
    return [
        h if h.coarse_until and skip and objective.select([row]).small else replace(h, coarse_until=0.0)
        for row, h in enumerate(hyperparameters)
    ]


def images_and_terms(
    synthesis: Synthesis,
    objective: Objective,
    ws: Tensor,
    noises: Sequence[Tensor],
    coarse: Sequence[bool],
) -> tuple[Sequence[Tensor], Terms]:
    """Synthesize B images, each whole or coarse, and evaluate the objective on them.

    coarse: B, True only where `with_coarse_phases` left coarse steps. Returns B images [3, H, W] and terms of [B].
    """
    if not any(coarse):
        images = synthesis(ws, noises)
        return list(images), objective(images, ws, noises)
    if all(coarse):
        assert objective.small is not None
        side, small = objective.small
        images = synthesis(ws, noises, resolution=side)
        return list(images), small(images, ws, noises)
    order: list[int] = []
    all_images: list[Tensor] = []
    parts: list[Terms] = []
    for kind in (True, False):
        rows = [row for row, is_coarse in enumerate(coarse) if is_coarse == kind]
        own = [noise[rows] for noise in noises]
        part = images_and_terms(synthesis, objective.select(rows), ws[rows], own, [kind] * len(rows))
        order += rows
        all_images += part[0]
        parts.append(part[1])
    back = sorted(range(len(order)), key=order.__getitem__)
    return [all_images[i] for i in back], {
        name: torch.cat([part[name] for part in parts])[back] for name in parts[0]
    }
