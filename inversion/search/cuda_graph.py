"""Run a step's synthesis and losses, forward and backward, as one CUDA graph instead of many kernel launches."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor

from inversion.generator.synthesis import Synthesis
from inversion.runtime.memory import is_out_of_memory
from inversion.search.coarse import Terms, images_and_terms
from inversion.search.objective import Objective

log = logging.getLogger(__name__)

Graphed = Callable[..., tuple[Tensor, Tensor]]  # ws, *noises -> images [B, 3, H, W], terms [N, B]


class CUDAGraphStep:
    """`coarse.images_and_terms` for one batch, captured as a CUDA graph at the first whole and the first coarse step.

    A graph repeats the same kernels on the same memory. So shapes must not change, and nothing inside may wait for the
    device or copy from the host: a batch that has lost a row needs a CUDAGraphStep of its own. On other devices, in a
    step whose images are partly coarse, and where the capture fails, the same kernels are launched from Python.
    Source: PyTorch's torch.cuda.make_graphed_callables.
    """

    def __init__(self, synthesis: Synthesis, objective: Objective) -> None:
        self.synthesis = synthesis
        self.objective = objective
        self._names: list[str] = []  # of the terms
        self._graphs: dict[bool, Graphed] = {}  # by whether images are coarse

    def __call__(
        self, ws: Tensor, noises: Sequence[Tensor], coarse: Sequence[bool]
    ) -> tuple[Sequence[Tensor], Terms]:
        """As `images_and_terms`; the next call overwrites the returned tensors."""
        if not has_cuda_graphs(ws.device) or len(set(coarse)) > 1:
            return images_and_terms(self.synthesis, self.objective, ws, noises, coarse)
        kind = coarse[0]
        if kind not in self._graphs:
            self._graphs[kind] = self._capture(kind, ws, noises)
        images, losses = self._graphs[kind](ws, *noises)
        return list(images), dict(zip(self._names, losses, strict=True))

    def select(self, rows: Sequence[int]) -> CUDAGraphStep:
        """For some of the problems; its graphs are captured anew, since shapes have changed."""
        return CUDAGraphStep(self.synthesis, self.objective.select(rows))

    def _capture(self, kind: bool, ws: Tensor, noises: Sequence[Tensor]) -> Graphed:
        def from_python(ws: Tensor, *noises: Tensor) -> tuple[Tensor, Tensor]:
            images, terms = images_and_terms(self.synthesis, self.objective, ws, noises, [kind] * len(ws))
            self._names = list(terms)
            return torch.stack(list(images)).detach(), torch.stack(list(terms.values()))

        sample = tuple(t.detach().clone().requires_grad_(t.requires_grad) for t in (ws, *noises))
        try:
            return cast(Graphed, torch.cuda.make_graphed_callables(from_python, sample))
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            log.warning(
                "slower steps: no CUDA graph could be captured, kernels are launched from Python: %s", error
            )
            return from_python


def has_cuda_graphs(device: torch.device) -> bool:
    return device.type == "cuda"
