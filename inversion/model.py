"""A checkpoint made ready to be searched: frozen networks on their device, and the statistics of w."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor, nn

from inversion.checkpoints.checkpoint import Checkpoint
from inversion.generator.discriminator import Discriminator
from inversion.generator.prepared import PreparedDiscriminator
from inversion.generator.statistics import w_statistics
from inversion.generator.stylegan2 import Generator
from inversion.generator.synthesis import Synthesis
from inversion.priors.prior import Prior
from inversion.runtime.precision import choose_dtype, lowest_resolution
from inversion.search import families


@dataclass(frozen=True)
class Model:
    """Everything a search needs to know of its generator."""

    generator: Generator  # fp32: for what is computed once
    synthesis: Synthesis  # for every step, in the chosen precision
    discriminator: PreparedDiscriminator | None  # not every checkpoint carries one
    dtype: torch.dtype  # of the networks that a step runs through
    w_avg: Tensor  # [w_dim]
    w_std: float  # root mean squared distance of w to w_avg
    checkpoint: Checkpoint  # as it was read

    @property
    def sha256(self) -> str:
        """Of the checkpoint file."""
        return self.checkpoint.sha256

    def with_tuned(self, synthesis: nn.Module) -> Checkpoint:
        """The checkpoint with a synthesis network that was fitted to one photo; licence and source stay."""
        weights = {f"synthesis.{name}": tensor.cpu() for name, tensor in synthesis.state_dict().items()}
        whole = self.checkpoint.generator | weights
        about = f"Tuned to one photo. {self.checkpoint.description}".strip()
        return replace(self.checkpoint, generator=whole, description=about)

    def prior(self, name: str) -> Prior:
        """What `reg` weighs, by its built-in name or dotted path; made once per model. Raises ConfigError."""
        if name not in self._priors:
            self._priors[name] = families.prior(name)(self)
        return self._priors[name]

    @cached_property
    def _priors(self) -> dict[str, Prior]:
        return {}


def build(checkpoint: Checkpoint, device: torch.device, precision: str = "fp32") -> Model:
    """Put a checkpoint's tensors into networks. Statistics come from the file, else from 10,000 codes.

    precision: auto, fp32, bf16 or fp16, of everything that a step computes by convolution. Raises ConfigError.
    """
    architecture = checkpoint.architecture
    dtype = choose_dtype(precision, device, architecture)
    generator = Generator(architecture)
    generator.load_state_dict(checkpoint.generator)
    _freeze(generator, device)
    discriminator = None
    if checkpoint.discriminator is not None and checkpoint.discriminator_architecture is not None:
        network = Discriminator(checkpoint.discriminator_architecture)
        network.load_state_dict(checkpoint.discriminator)
        _freeze(network, device)
        discriminator = network.prepare(dtype)
    if checkpoint.w_std is not None:
        w_avg, w_std = generator.mapping.w_avg, checkpoint.w_std
    else:
        w_avg, w_std = w_statistics(generator.mapping)
    synthesis = generator.synthesis.prepare(dtype, lowest_resolution(dtype, architecture))
    return Model(generator, synthesis, discriminator, dtype, w_avg, w_std, checkpoint)


def _freeze(network: nn.Module, device: torch.device) -> None:
    network.eval().requires_grad_(False).to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
