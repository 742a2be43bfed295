"""On a GPU a training step of a small net is thousands of tiny kernels, and Python is slower than the GPU in starting
them: recorded once, they are replayed as a CUDA graph."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

WARM_UP = 3  # calls before the recording: libraries choose their kernels, optimizers make their state


class Recorded:
    """Calls work: as it is at first, then as it was recorded, with the numbers that rng draws from its seed.

    work reads and writes the same tensors in every call, does not wait for the GPU, and draws from rng alone.
    """

    def __init__(self, work: Callable[[], dict[str, Tensor]], rng: torch.Generator) -> None:
        self.work, self.rng = work, rng
        self.calls = 0
        self.graph = torch.cuda.CUDAGraph()
        self.results: dict[str, Tensor] = {}

    def __call__(self) -> dict[str, Tensor]:
        self.calls += 1
        if self.calls <= WARM_UP:
            return self._beside(self.work)
        if self.calls == WARM_UP + 1:
            self.graph.register_generator_state(self.rng)
            with torch.cuda.graph(self.graph):
                self.results = self.work()
        self.graph.replay()
        return {name: value.clone() for name, value in self.results.items()}

    def _beside(self, work: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
        """On a stream of its own, as a recording will be."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            results = work()
        torch.cuda.current_stream().wait_stream(stream)
        return results
