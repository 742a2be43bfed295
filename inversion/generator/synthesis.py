"""What a search asks of a synthesis network, whichever architecture it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from torch import Tensor

from inversion.generator.architecture import AnyArchitecture
from inversion.generator.prepared import NO_OFFSETS


class Synthesis(Protocol):
    """Codes and noise maps to images of about [-1, 1]."""

    @property
    def architecture(self) -> AnyArchitecture: ...

    @property
    def noise_resolutions(self) -> list[int]:
        """Side of each noise map in pixels; empty for networks that have none."""

    @property
    def gradient_scale(self) -> float:
        """What a loss is multiplied by so that its gradients do not vanish in the network's precision."""

    def __call__(
        self,
        ws: Tensor,
        noises: Sequence[Tensor],
        resolution: int | None = None,
        offsets: Mapping[int, Tensor] = NO_OFFSETS,
    ) -> Tensor:
        """ws [B, num_ws, (channels,) w_dim], noises [B, 1, R, R] each -> [B, 3, H, W] in the precision of ws.

        resolution: stop at the running RGB image of this side; only StyleGAN2's skip architecture has one.
        offsets: side -> [B, channels, side, side], added to that feature map; see architecture.feature_channels.
        """
