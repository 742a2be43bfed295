"""On CUDA a step's drawing and comparing is one graph: launched at once, not kernel by kernel from Python."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor

from inversion.generator.prepared import PreparedSynthesis
from inversion.generator.stylegan2 import SynthesisNetwork
from inversion.runtime.memory import is_out_of_memory
from inversion.search.coarse import Terms, compare
from inversion.search.objective import Objective

log = logging.getLogger(__name__)

Drawn = Callable[..., tuple[Tensor, Tensor]]  # ws, *noises -> images [B, 3, H, W], terms [N, B]


class Replay:
    """`coarse.compare` for one batch, forward and backward; captured the first time that a kind of step comes.

    A graph repeats the same kernels on the same memory, so the shapes must stay and nothing inside may wait for the
    device: a batch that has lost a row needs a Replay of its own. What cannot be captured, and every step on other
    devices, runs as it is written.
    Source: PyTorch's torch.cuda.make_graphed_callables.
    """

    def __init__(self, synthesis: PreparedSynthesis | SynthesisNetwork, objective: Objective) -> None:
        self.synthesis = synthesis
        self.objective = objective
        self._names: list[str] = []  # of the terms
        self._graphs: dict[bool, Drawn] = {}  # by whether images are small

    def __call__(
        self, ws: Tensor, noises: Sequence[Tensor], coarse: Sequence[bool]
    ) -> tuple[Sequence[Tensor], Terms]:
        """As `compare`; the tensors are valid until the next call."""
        if not can_replay(ws.device) or len(set(coarse)) > 1:
            return compare(self.synthesis, self.objective, ws, noises, coarse)
        kind = coarse[0]
        if kind not in self._graphs:
            self._graphs[kind] = self._captured(kind, ws, noises)
        images, losses = self._graphs[kind](ws, *noises)
        return list(images), dict(zip(self._names, losses, strict=True))

    def _captured(self, kind: bool, ws: Tensor, noises: Sequence[Tensor]) -> Drawn:
        def tensors(ws: Tensor, *noises: Tensor) -> tuple[Tensor, Tensor]:
            images, terms = compare(self.synthesis, self.objective, ws, noises, [kind] * len(ws))
            self._names = list(terms)
            return torch.stack(list(images)).detach(), torch.stack(list(terms.values()))

        given = tuple(t.detach().clone().requires_grad_(t.requires_grad) for t in (ws, *noises))
        try:
            return cast(Drawn, torch.cuda.make_graphed_callables(tensors, given))
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            log.warning("steps run kernel by kernel, since no CUDA graph could be made: %s", error)
            return tensors


def can_replay(device: torch.device) -> bool:
    return device.type == "cuda"
