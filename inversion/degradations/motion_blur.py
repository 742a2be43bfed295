"""Blur of a camera that moved: an average along a straight line."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from inversion.degradations.conjugate_gradients import conjugate_gradients
from inversion.degradations.degradation import Degradation
from inversion.degradations.harmonic import roughness
from inversion.degradations.wiener import ROUNDING
from inversion.errors import ConfigError
from inversion.runtime.on_device import on_device

ERROR = 0.04  # a restoration's error: squared difference between neighbours, [-1, 1]; fits 64 px faces


@dataclass(frozen=True)
class MotionBlur(Degradation):
    """Average along a line of `length` pixels in direction `angle`, borders reflected (edge pixel not repeated).

    length: pixels; None = 10 % of the resolution.
    angle: degrees from the horizontal, counter-clockwise.
    """

    length: float | None = None
    angle: float = 30.0

    def bind(self, photos: Tensor, degraded: bool) -> MotionBlur:
        side = min(photos.shape[-2:])
        length = 0.1 * side if self.length is None else float(self.length)
        if not 0 < length <= side:
            raise ConfigError(
                f"degradation.length must be above 0 and at most the image's side, {side} px. "
                f"Got {self.length}. Leave it out for 10 % of the side."
            )
        if not math.isfinite(self.angle):
            raise ConfigError(
                f"degradation.angle must be a number of degrees. Got {self.angle}; 30 would work."
            )
        return replace(self, length=length)

    def __call__(self, x: Tensor) -> Tensor:
        if self.length is None:
            raise ValueError("MotionBlur has no length yet: call bind(photos, degraded).")
        kernel = on_device(line_kernel, self.length, self.angle, like=x)
        reach = len(kernel) // 2
        padded = F.pad(x, [reach] * 4, mode="reflect")
        return F.conv2d(padded, kernel.expand(3, 1, -1, -1), groups=3)

    def consistent(self, restored: Tensor, observed: Tensor) -> Tensor:
        """Add the smoothest image whose blurred version is the photo minus the blurred restoration.

        (A^T A + noise / ERROR L)^-1 A^T in place of A⁺, L = squared differences between neighbours, A^T by autograd.
        A Fourier transform cannot invert this blur: reflected at a border, the line has another angle.
        """
        weight = noise_power(observed) / ERROR
        zeros = torch.zeros_like(restored)

        def adjoint(u: Tensor) -> Tensor:
            with torch.enable_grad():
                x = zeros.requires_grad_(True)
                return torch.autograd.grad(self(x), x, u)[0]

        def matrix(u: Tensor) -> Tensor:
            return adjoint(self(u)) + weight * roughness(u)

        right = adjoint(observed - self(restored))
        return (restored + conjugate_gradients(matrix, right, torch.zeros_like(restored))).clamp(-1, 1)


def noise_power(observed: Tensor) -> Tensor:
    """Estimate each photo's noise from where it is flattest: [B, 3, H, W] -> [B, 1, 1, 1], at least that of rounding.

    Immerkær 1996, Fast Noise Variance Estimation, with the median instead of the mean.
    """
    differences = observed.diff(n=2, dim=-1).diff(n=2, dim=-2)  # 6 standard deviations of the noise
    deviation = differences.abs().flatten(1).median(dim=1).values / (0.6745 * 6)
    return deviation.square().clamp(min=ROUNDING)[:, None, None, None]


def line_kernel(length: float, angle: float) -> Tensor:
    """Draw a centred line with soft ends and sides: [taps, taps], taps odd, sum 1, the same under half a turn.

    It is one pixel wide; each pixel counts as far as the line covers it, along and across (1 - distance, from 0).
    """
    reach = max(1, math.ceil((length - 1) / 2))
    y, x = torch.meshgrid(*[torch.arange(-reach, reach + 1, dtype=torch.float64)] * 2, indexing="ij")
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    along, across = cos * x - sin * y, sin * x + cos * y  # rows count downwards
    inside = (length / 2 + 0.5 - along.abs()).clamp(0, 1) * (1 - across.abs()).clamp(min=0)
    return inside / inside.sum()
