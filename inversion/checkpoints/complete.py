"""Accept a generator's tensors: fill in what the file left out, check the rest."""

from __future__ import annotations

import logging

import torch
from torch import Tensor

from inversion.checkpoints.deduce import check_generator
from inversion.checkpoints.limits import check_limits
from inversion.generator.architecture import AnyArchitecture, Architecture
from inversion.generator.statistics import w_statistics
from inversion.generator.stylegan2 import MappingNetwork

log = logging.getLogger(__name__)

NOISE_SEED = 0


def complete_generator(tensors: dict[str, Tensor], architecture: AnyArchitecture) -> dict[str, Tensor]:
    """The tensors of a whole generator: noise inputs and the mean of w are filled in where the file left them out.

    NVIDIA's use_noise=False nets have no noise at all: theirs becomes silent. Forks of rosinality's leave out the
    noise maps alone, which are N(0, 1) drawn when the net is built: so they are here, with a fixed seed. Some files
    have no mean code, which is then measured over 10,000 codes. Raises CheckpointError when anything else is
    missing or does not belong, and before anything is made for an architecture out of bounds.
    """
    check_limits(architecture, "generator")
    whole = dict(tensors)
    if isinstance(architecture, Architecture):
        _add_noise(whole, architecture)
    whole.setdefault("mapping.w_avg", torch.zeros(architecture.w_dim))
    check_generator(whole, architecture)
    if "mapping.w_avg" not in tensors:
        whole["mapping.w_avg"] = mean_code(whole, architecture)
    return whole


def mean_code(tensors: dict[str, Tensor], architecture: AnyArchitecture) -> Tensor:
    """The mean of w over 10,000 seeded z: [w_dim]."""
    mapping = MappingNetwork(architecture)
    mapping.load_state_dict(
        {k.removeprefix("mapping."): v for k, v in tensors.items() if k.startswith("mapping.")}
    )
    return w_statistics(mapping)[0]


def _add_noise(whole: dict[str, Tensor], architecture: Architecture) -> None:
    """Fill in, of StyleGAN2's noise inputs, those that are not there."""
    rng = torch.Generator().manual_seed(NOISE_SEED)
    drawn = 0
    for resolution in architecture.resolutions:
        for layer in (f"synthesis.b{resolution}.conv0", f"synthesis.b{resolution}.conv1"):
            if f"{layer}.weight" not in whole or f"{layer}.noise_const" in whole:
                continue
            if f"{layer}.noise_strength" in whole:
                whole[f"{layer}.noise_const"] = torch.randn(resolution, resolution, generator=rng)
                drawn += 1
            else:
                whole[f"{layer}.noise_strength"] = torch.zeros([])
                whole[f"{layer}.noise_const"] = torch.zeros(resolution, resolution)
    if drawn:
        log.info("%d noise maps are not in the file: drawn with seed %d", drawn, NOISE_SEED)
