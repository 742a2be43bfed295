"""Blur of a camera that moved: an average along a straight line."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from inversion.degradations.conjugate_gradients import conjugate_gradients
from inversion.degradations.degradation import Degradation
from inversion.degradations.harmonic import roughness
from inversion.degradations.wiener import ROUNDING
from inversion.deviation import deviation
from inversion.errors import ConfigError
from inversion.runtime.on_device import on_device

QUICK = 20  # steps at full size, which bound its time
SLOW = 10  # times as much noise at full size: rounding turns slow gradients into steps: no white noise
DAMPING = 0.1  # of the start, which knows no borders: responses below its root stay out
LONG = 63  # taps of a line from which on a Fourier transform is faster than a convolution
ERROR = 0.04  # a restoration's error: squared difference between neighbours, [-1, 1]; fits 64 px faces


@dataclass(frozen=True)
class MotionBlur(Degradation):
    """Average along a line of `length` pixels in direction `angle`, borders reflected (edge pixel not repeated).

    length: pixels, 10% of the face's square, or 100px of the photo; None = 10 % of the resolution.
    angle: degrees from the horizontal, counter-clockwise.
    """

    LENGTHS = ("length",)

    length: float | str | None = None
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

    def full_size(
        self, photos: Tensor, factor: float, degraded: bool, masks: Tensor | None = None
    ) -> MotionBlur:
        return replace(self, length=self._bound() * factor)

    def reduced(self, factor: float) -> MotionBlur:
        """Nearly: the line is one pixel wide at any size."""
        return replace(self, length=self._bound() / factor)

    def __call__(self, x: Tensor) -> Tensor:
        kernel = on_device(line_kernel, self._bound(), self.angle, like=x)
        reach = len(kernel) // 2
        padded = F.pad(x, [reach] * 4, mode="reflect")
        if len(kernel) > LONG and x.dtype in (torch.float32, torch.float64):
            return convolved(padded, kernel)
        return F.conv2d(padded, kernel.expand(3, 1, -1, -1), groups=3)

    def consistent(self, restored: Tensor, observed: Tensor) -> Tensor:
        """Add the smoothest image whose blurred version is the photo minus the blurred restoration.

        (A^T A + noise / ERROR L)^-1 A^T in place of A⁺, L = squared differences between neighbours, A^T by autograd.
        A Fourier transform cannot invert this blur: reflected at a border, the line has another angle.
        """
        return self._sharpened(restored, observed, lambda residual, weight: residual, 500, 1)

    def detailed(
        self, enlarged: Tensor, observed: Tensor, factor: float, unfitted: Tensor | None = None
    ) -> Tensor:
        """As `consistent`, in few steps: each begins with the damped solution for a photo that repeats itself."""
        kernel = on_device(line_kernel, self._bound(), self.angle, like=observed)

        def inverse(residual: Tensor, weight: Tensor) -> Tensor:
            size = residual.shape[-2:]
            line = torch.fft.rfft2(kernel, s=size)
            pixel = F.pad(residual.new_ones(1, 1), (0, size[1] - 1, 0, size[0] - 1))
            rough = torch.fft.rfft2(
                4 * pixel - sum(pixel.roll(step, dim) for step in (1, -1) for dim in (0, 1))
            )
            matrix = line.abs().square() + weight * rough.real.clamp(min=0) + DAMPING
            image: Tensor = torch.fft.irfft2(torch.fft.rfft2(residual) / matrix, s=size)
            return image

        return self._sharpened(enlarged, observed, inverse, QUICK, SLOW)

    def _sharpened(
        self,
        restored: Tensor,
        observed: Tensor,
        inverse: Callable[[Tensor, Tensor], Tensor],
        steps: int,
        noisier: float,
    ) -> Tensor:
        weight = noisier * noise_power(observed) / ERROR
        zeros = torch.zeros_like(restored)

        def adjoint(u: Tensor) -> Tensor:
            with torch.enable_grad():
                x = zeros.requires_grad_(True)
                return torch.autograd.grad(self(x), x, u)[0]

        def matrix(u: Tensor) -> Tensor:
            return adjoint(self(u)) + weight * roughness(u)

        right = adjoint(observed - self(restored))
        missed = conjugate_gradients(
            matrix,
            right,
            zeros.detach(),
            steps=steps,
            preconditioner=lambda residual: inverse(residual, weight),
        )
        return (restored + missed).clamp(-1, 1)

    def _bound(self) -> float:
        if not isinstance(self.length, (int, float)):
            raise ValueError("MotionBlur has no length yet: call bind(photos, degraded).")
        return self.length


def convolved(padded: Tensor, kernel: Tensor) -> Tensor:
    """Convolve [B, C, H, W] with a kernel [taps, taps] that is the same under half a turn, where it fits: by FFT."""
    size = padded.shape[-2:]
    spectrum = torch.fft.rfft2(padded) * torch.fft.rfft2(kernel, s=size)
    margin = len(kernel) - 1
    image: Tensor = torch.fft.irfft2(spectrum, s=size)
    return image[..., margin:, margin:]


def noise_power(observed: Tensor) -> Tensor:
    """Estimate each photo's noise from where it is flattest: [B, 3, H, W] -> [B, 1, 1, 1], at least that of rounding.

    Immerkær 1996, Fast Noise Variance Estimation, with the median instead of the mean.
    """
    differences = observed.diff(n=2, dim=-1).diff(n=2, dim=-2)  # 6 standard deviations of the noise
    noise = deviation(differences.flatten(1)) / 6
    return noise.square().clamp(min=ROUNDING)[:, None, None, None]


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
