"""One random stream per problem, so that no result depends on what else is in the batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class RandomStreams:
    """B independent generators of normal numbers, drawn on the CPU so that every device gets the same ones."""

    def __init__(
        self, seeds: Sequence[int], device: torch.device, dtype: torch.dtype = torch.float32
    ) -> None:
        self.device = device
        self.dtype = dtype
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def select(self, rows: Sequence[int]) -> RandomStreams:
        """Some of the streams, with their state."""
        selected = RandomStreams([], self.device, self.dtype)
        selected.generators = [self.generators[row] for row in rows]
        return selected

    def normal(self, *shape: int) -> Tensor:
        """[B, *shape] from N(0, 1)."""
        draws = [torch.randn(shape, generator=generator) for generator in self.generators]
        return torch.stack(draws).to(self.device, self.dtype, non_blocking=True)
