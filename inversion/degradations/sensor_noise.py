"""Noise of a camera's sensor: few photons, read-out noise, dead pixels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from inversion.degradations.degradation import Degradation
from inversion.degradations.harmonic import harmonic
from inversion.degradations.wiener import wiener
from inversion.errors import ConfigError
from inversion.images import downsample_area, from_unit, to_unit


@dataclass(frozen=True)
class SensorNoise(Degradation):
    """Count photons (Poisson), add read-out noise (Gaussian), then lose pixels (black).

    `observe` draws the noise; `__call__` is its expectation. Dead pixels are those of the photo whose channels are all
    black; in the loss's target they are filled from their neighbours.
    sigma: standard deviation of the read-out noise, white = 1, black = 0.
    photons: that a white pixel counts per channel; None = so many that they make no noise.
    dead: share of the pixels, 0 to below 1.
    """

    sigma: float = 0.05
    photons: float | None = None
    dead: float = 0.0

    def bind(self, photos: Tensor, degraded: bool) -> SensorNoise:
        for name, value, good, bounds in (
            ("sigma", self.sigma, 0 <= self.sigma < 10, "0 (none) or more, white = 1"),
            (
                "photons",
                self.photons,
                self.photons is None or self.photons > 0,
                "above 0, or null for no noise",
            ),
            ("dead", self.dead, 0 <= self.dead < 1, "a share of the pixels, 0 to below 1"),
        ):
            if not good:
                raise ConfigError(
                    f"degradation.{name} must be {bounds}. Got {value}; leave it out for the default."
                )
        return self

    def __call__(self, x: Tensor) -> Tensor:
        """The expectation of what the camera records, before it is clipped."""
        return (1 - self.dead) * (x + 1) - 1

    def observe(self, x: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Draw photons, read-out noise and dead pixels, in this order, and clip: [B, 3, H, W] -> same, in [-1, 1].

        Drawn on rng's device in float32, so that a seed means the same noise on every machine.
        """
        device = torch.device("cpu") if rng is None else rng.device
        y = to_unit(x).to(device, torch.float32)
        if self.photons is not None:
            y = torch.poisson(y * self.photons, generator=rng) / self.photons
        y = y + self.sigma * torch.randn(y.shape, generator=rng, device=device)
        alive = torch.rand(y[:, :1].shape, generator=rng, device=device) >= self.dead
        return from_unit(y.clamp(0, 1) * alive).to(x)

    def consistent(self, restored: Tensor, observed: Tensor) -> Tensor:
        """Add the part of the photo minus the restoration that stands out from the noise, which is mostly coarse.

        The Wiener filter without a blur; the residual of dead pixels is filled from their neighbours.
        """
        residual = self.fill(observed, observed - restored)
        variance = 4 * self.sigma**2 * torch.ones_like(residual[:, :1, :1, :1])
        if self.photons is not None:
            variance = (
                variance + 4 * to_unit(self.fill(observed)).mean(dim=(1, 2, 3), keepdim=True) / self.photons
            )
        dtype = torch.promote_types(residual.dtype, torch.float32)
        nothing = torch.ones(1, 1, dtype=dtype, device=residual.device)
        return (restored + wiener(residual, observed, nothing, variance.to(dtype))).clamp(-1, 1)

    def prediction(self, x: Tensor, resolution: int) -> Tensor:
        """Unchanged: dead pixels are filled in the target, and the noise of the others has mean zero."""
        return downsample_area(x, resolution)

    def target(self, observed: Tensor, resolution: int) -> Tensor:
        return downsample_area(self.fill(observed), resolution)

    def fill(self, observed: Tensor, values: Tensor | None = None) -> Tensor:
        """Continue values (default: the photo) into its dead pixels: black in all channels, if any can be dead."""
        values = observed if values is None else values
        if self.dead == 0:
            return values
        alive = (observed.amax(dim=1, keepdim=True) > -1 + 1e-6).to(observed.dtype)
        return harmonic(values, alive)
