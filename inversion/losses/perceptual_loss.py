"""What the search asks of a loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor


class FeatureDistance(Protocol):
    """A distance between images through features, so that those of the target are computed once."""

    @property
    def name(self) -> str: ...  # of its term in the record

    @property
    def resolution(self) -> int: ...  # px, largest side that it reads

    def features(self, images: Tensor) -> list[Tensor]: ...

    def __call__(self, features: list[Tensor], target: list[Tensor]) -> Tensor: ...


@dataclass(frozen=True)
class PerceptualLoss(ABC):
    """A loss of the group `loss`: a FeatureDistance whose settings are the fields of a frozen dataclass.

    A subclass sets `name` and `resolution` and writes `features` and `__call__`. Nothing in these two may copy from the
    host's memory or wait for the device: on a GPU a step is captured as a CUDA graph (runtime/on_device.py helps).
    """

    weight: float = 1.0
    identity: float = 0.0  # weight of losses/identity.py beside it; 0 = no network is loaded for it
    l1: float = 0.0  # weight of losses/absolute.py beside it; 0 = not computed
    robust: float = 0.0  # standard deviations at which residuals count for less, losses/robust.py; 0 = none

    @property
    @abstractmethod
    def name(self) -> str:
        """Of its term in the record."""

    @property
    @abstractmethod
    def resolution(self) -> int:
        """Largest side that it reads, in pixels: larger images are reduced to it."""

    def check(self) -> None:
        """Before any network is loaded: refuse a setting that cannot work, a file that nothing brings. ConfigError."""
        return None

    def bind(
        self, discriminator: Any, device: torch.device, dtype: torch.dtype = torch.float32
    ) -> PerceptualLoss:
        """Load what the loss needs; discriminator: the checkpoint's, or None; dtype: of convolutions.

        Raises ConfigError.
        """
        return self

    @abstractmethod
    def features(self, images: Tensor) -> list[Tensor]:
        """images: [B, 3, H, W] in [-1, 1] -> any number of [B, ...]; gradients pass."""

    @abstractmethod
    def __call__(self, features: list[Tensor], target: list[Tensor]) -> Tensor:
        """weight * distance: [B], 0 for equal features. A problem's value does not depend on its neighbours."""
