"""What the search asks of a prior."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from torch import Tensor

if TYPE_CHECKING:
    from inversion.model import Model


class Prior(Protocol):
    """How unlikely codes are, 1.0 = a typical random face: [B, num_ws, (channels,) w_dim] -> [B]."""

    def __call__(self, ws: Tensor, /) -> Tensor: ...


class MakePrior(Protocol):
    """A prior's class, or a function that returns one, called once per model."""

    def __call__(self, model: Model, /) -> Prior: ...
