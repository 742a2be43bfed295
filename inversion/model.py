"""A checkpoint made ready to be searched: frozen networks on their device, and the statistics of w."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from inversion.checkpoints.checkpoint import Checkpoint
from inversion.generator.discriminator import Discriminator
from inversion.generator.statistics import w_statistics
from inversion.generator.stylegan2 import Generator


@dataclass(frozen=True)
class Model:
    """Everything a search needs to know of its generator."""

    generator: Generator
    discriminator: Discriminator | None  # not every checkpoint carries one
    w_avg: Tensor  # [w_dim]
    w_std: float  # root mean squared distance of w to w_avg
    sha256: str  # of the checkpoint file


def build(checkpoint: Checkpoint, device: torch.device) -> Model:
    """Put a checkpoint's tensors into networks. Statistics come from the file, else from 10,000 codes."""
    generator = Generator(checkpoint.architecture)
    generator.load_state_dict(checkpoint.generator)
    discriminator = None
    if checkpoint.discriminator is not None and checkpoint.discriminator_architecture is not None:
        discriminator = Discriminator(checkpoint.discriminator_architecture)
        discriminator.load_state_dict(checkpoint.discriminator)
    for network in (generator, discriminator):
        if network is not None:
            network.eval().requires_grad_(False).to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if checkpoint.w_std is not None:
        w_avg, w_std = generator.mapping.w_avg, checkpoint.w_std
    else:
        w_avg, w_std = w_statistics(generator.mapping)
    return Model(generator, discriminator, w_avg, w_std, checkpoint.sha256)
