"""Draw images no larger than the loss looks at them, while a search still finds its way.

A skip generator adds up one RGB image per resolution (Karras et al. 2020, Analyzing and Improving the Image Quality of
StyleGAN, section 4.1): the running sum at 256 px is nearly the whole image shrunk to 256 px, at a fraction of the work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from inversion.generator.prepared import PreparedSynthesis
from inversion.generator.stylegan2 import SynthesisNetwork
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.objective import Objective

Terms = dict[str, Tensor]


def with_coarse_phases(
    settings: Sequence[Hyperparameters],
    synthesis: PreparedSynthesis | SynthesisNetwork,
    objective: Objective,
) -> list[Hyperparameters]:
    """The same settings, without `coarse_until` where smaller images will not do.

    That is: another architecture than skip, a loss that looks at every pixel, a degradation without a form for them.
    """
    skip = synthesis.architecture.architecture == "skip"
    return [
        s if s.coarse_until and skip and objective.select([row]).small else replace(s, coarse_until=0.0)
        for row, s in enumerate(settings)
    ]


def compare(
    synthesis: PreparedSynthesis | SynthesisNetwork,
    objective: Objective,
    ws: Tensor,
    noises: Sequence[Tensor],
    coarse: Sequence[bool],
) -> tuple[Sequence[Tensor], Terms]:
    """Draw the B problems' images and compare them with their photos; each as its own phase says.

    coarse: B, as `with_coarse_phases` allows. Returns B images [3, H, W] and terms of [B].
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
    drawn: list[Tensor] = []
    parts: list[Terms] = []
    for kind in (True, False):
        rows = [row for row, is_coarse in enumerate(coarse) if is_coarse == kind]
        own = [noise[rows] for noise in noises]
        images, terms = compare(synthesis, objective.select(rows), ws[rows], own, [kind] * len(rows))
        order += rows
        drawn += images
        parts.append(terms)
    back = sorted(range(len(order)), key=order.__getitem__)
    return [drawn[i] for i in back], {
        name: torch.cat([part[name] for part in parts])[back] for name in parts[0]
    }
