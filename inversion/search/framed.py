"""A photo that ends within the face's square: what alignment invented beyond its edge is not compared."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch.nn.functional as F
from torch import Tensor

from inversion.degradations.degradation import Degradation
from inversion.degradations.masked import blank


@dataclass(frozen=True)
class Framed(Degradation):
    """The same corruption, compared only where the photo is.

    inside: [1, 1, R, R] on the aligned photo, 1 = it shows the photo, 0 = invented. A coarse pixel counts only if all
    pixels under it do.
    """

    operator: Degradation  # bound
    inside: Tensor = field(repr=False, compare=False)

    def __call__(self, x: Tensor) -> Tensor:
        return self.operator(x)

    def shrunk(self, factor: int) -> Framed | None:
        operator = self.operator.shrunk(factor)
        inside = 1 - F.max_pool2d(1 - self.inside, factor)
        return None if operator is None else replace(self, operator=operator, inside=inside)

    def prediction(self, x: Tensor, resolution: int) -> Tensor:
        return self._cut(self.operator.prediction(x, resolution))

    def target(self, observed: Tensor, resolution: int) -> Tensor:
        return self._cut(self.operator.target(observed, resolution))

    def _cut(self, x: Tensor) -> Tensor:
        return blank(x, 1 - F.adaptive_max_pool2d(1 - self.inside, x.shape[-1]))
