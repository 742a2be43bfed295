"""Accept a generator's tensors: fill in what the file left out, check the rest."""

from __future__ import annotations

import torch
from torch import Tensor

from inversion.checkpoints.deduce import check_generator
from inversion.generator.architecture import Architecture
from inversion.generator.statistics import w_statistics
from inversion.generator.stylegan2 import MappingNetwork


def complete_generator(tensors: dict[str, Tensor], architecture: Architecture) -> dict[str, Tensor]:
    """The tensors of a whole generator; what is missing is silent noise inputs or the mean of w.

    NVIDIA's use_noise=False nets have no noise tensors; some rosinality files have no latent_avg, which is
    then measured over 10,000 codes. Raises CheckpointError when anything else is missing or does not belong.
    """
    whole = dict(tensors)
    for resolution in architecture.resolutions:
        for layer in (f"synthesis.b{resolution}.conv0", f"synthesis.b{resolution}.conv1"):
            if f"{layer}.weight" in whole and f"{layer}.noise_strength" not in whole:
                whole[f"{layer}.noise_strength"] = torch.zeros([])
                whole[f"{layer}.noise_const"] = torch.zeros(resolution, resolution)
    whole.setdefault("mapping.w_avg", torch.zeros(architecture.w_dim))
    check_generator(whole, architecture)
    if "mapping.w_avg" not in tensors:
        mapping = MappingNetwork(architecture)
        mapping.load_state_dict(
            {k.removeprefix("mapping."): v for k, v in whole.items() if k.startswith("mapping.")}
        )
        whole["mapping.w_avg"] = w_statistics(mapping)[0]
    return whole
