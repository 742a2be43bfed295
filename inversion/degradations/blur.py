"""Gaussian blur of any kernel size, as two one-dimensional blurs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from inversion.degradations.degradation import Degradation
from inversion.degradations.wiener import confirmed, noise_beside, where_detailed, wiener
from inversion.errors import ConfigError
from inversion.length import is_of_photo

AUTO = "auto"


@dataclass(frozen=True)
class GaussianBlur(Degradation):
    """Blur with a Gaussian window `kernel_size` pixels wide, borders reflected (edge pixel not repeated).

    kernel_size: pixels, 10% of the face's square, or 100px of the photo; None = 10 % of the resolution, see
    `default_kernel_size`; auto = estimated from a photo that arrives blurred, by inversion/search/blind_blur.py before
    `bind`.
    sigma: pixels, or with a unit; None = OpenCV's rule for that kernel size, see `default_sigma`: in the photo's pixels
    for a size in them, as a blur is found (inversion/damage/blur.py), else in the generator's.
    """

    LENGTHS = ("kernel_size", "sigma")

    kernel_size: float | str | None = None
    sigma: float | str | None = None

    def in_pixels(self, resolution: int, side: float) -> GaussianBlur:
        found = super().in_pixels(resolution, side)
        assert isinstance(found, GaussianBlur)
        if self.sigma is None and is_of_photo(self.kernel_size) and isinstance(found.kernel_size, float):
            scale = resolution / side  # pixels of the generator per pixel of the photo
            return replace(found, sigma=default_sigma(found.kernel_size / scale) * scale)
        return found

    def bind(self, photos: Tensor, degraded: bool) -> GaussianBlur:
        resolution = min(photos.shape[-2:])
        size = default_kernel_size(resolution) if self.kernel_size is None else self.kernel_size
        if size == AUTO:
            raise ConfigError(
                "degradation.kernel_size=auto works for a blur alone, not as a step of other corruptions. "
                "Got no kernel size; a number of pixels would work."
            )
        if not (isinstance(size, (int, float)) and 1 <= size <= resolution):
            raise ConfigError(
                f"degradation.kernel_size must be at least 1 and at most the image's side, {resolution} px. "
                f"Got {size}. Leave it out for 10 % of the side ({default_kernel_size(resolution)}), or say auto "
                "with degraded=true to have it found."
            )
        sigma = default_sigma(size) if self.sigma is None else self.sigma
        if not (isinstance(sigma, (int, float)) and sigma > 0 and math.isfinite(sigma)):
            raise ConfigError(
                f"degradation.sigma must be above 0 pixels. Got {sigma}. Leave it out for OpenCV's rule "
                f"({default_sigma(size):.2f} for kernel size {size})."
            )
        return replace(self, kernel_size=size, sigma=float(sigma))

    def __call__(self, x: Tensor) -> Tensor:
        rows, columns = (self._matrix(side, x) for side in x.shape[-2:])
        return rows @ x @ columns.mT

    def consistent(self, restored: Tensor, observed: Tensor) -> Tensor:
        """Deblur the photo minus the blurred restoration, and add it to the restoration.

        The Wiener filter takes the place of A⁺, which would amplify the photo's rounding errors without bound.
        """
        residual = observed - self(restored)
        return (restored + wiener(residual, observed, self.kernel(residual))).clamp(-1, 1)

    def shrunk(self, factor: int) -> GaussianBlur:
        """kernel_size and sigma divided by the factor."""
        return self.reduced(factor)

    def detailed(
        self, enlarged: Tensor, observed: Tensor, factor: float, unfitted: Tensor | None = None
    ) -> Tensor:
        """As `consistent`, with the noise that rounding makes of slow gradients: else contours become stripes.

        Fine details come back only where the photo shows that there was something, and the restoration's own count as
        far as the photo confirms them.
        """
        kernel = self.kernel(enlarged)
        enlarged = confirmed(enlarged, observed, kernel, unfitted)
        residual = observed - self(enlarged)
        noise = noise_beside(observed, kernel)
        detail = where_detailed(observed, self(observed), kernel.shape[1])
        return (enlarged + wiener(residual, observed, kernel, noise, detail)).clamp(-1, 1)

    def full_size(
        self, photos: Tensor, factor: float, degraded: bool, masks: Tensor | None = None
    ) -> GaussianBlur:
        size, sigma = self._bound()
        return replace(self, kernel_size=size * factor, sigma=sigma * factor)

    def reduced(self, factor: float) -> GaussianBlur:
        """Nearly: the window is sampled at fewer places, and borders are reflected about another pixel's centre."""
        size, sigma = self._bound()
        return replace(self, kernel_size=max(1.0, size / factor), sigma=sigma / factor)

    def _matrix(self, side: int, x: Tensor) -> Tensor:
        """The matrix that `blur` multiplies by, cached for images like x: every step of a search needs it."""
        key = side, x.dtype, x.device
        if key not in self._matrices:
            self._matrices[key] = blur_matrix(self.kernel(x), side).to(x.dtype)
        return self._matrices[key]

    @cached_property
    def _matrices(self) -> dict[tuple[int, torch.dtype, torch.device], Tensor]:
        return {}

    def kernel(self, x: Tensor) -> Tensor:
        """In one dimension, for images like x: [1, taps]."""
        size, sigma = self._bound()
        dtype = torch.promote_types(x.dtype, torch.float32)
        return gaussian_kernel(size, torch.full((1,), sigma, dtype=dtype, device=x.device))

    def _bound(self) -> tuple[float, float]:
        if not (isinstance(self.kernel_size, (int, float)) and isinstance(self.sigma, (int, float))):
            raise ValueError("GaussianBlur has no kernel size or sigma yet: call bind(photos, degraded).")
        return self.kernel_size, self.sigma


def default_kernel_size(resolution: int) -> int:
    """The odd number nearest to 10 % of the side, at least 3: 7, 13, 25, 103 for 64, 128, 256, 1024 px."""
    return max(3, 2 * math.floor(0.05 * resolution) + 1)


def default_sigma(kernel_size: float) -> float:
    """Pixels. OpenCV, getGaussianKernel: sigma = 0.3 * ((ksize - 1) * 0.5 - 1) + 0.8.

    (OpenCV 5 itself uses it above kernel size 9 and a table up to there.)
    """
    return 0.3 * ((kernel_size - 1) * 0.5 - 1) + 0.8


def gaussian_kernel(kernel_size: float, sigma: Tensor) -> Tensor:
    """Sample one Gaussian per problem and give it sum 1; differentiable in sigma.

    sigma: [B] (or [1] for all problems), in pixels, above 0. Returns [B, taps], taps odd.
    The window is `kernel_size` pixels wide and centred on a pixel. An odd size covers that many whole pixels
    (OpenCV's getGaussianKernel); any other covers a part of the outermost pixel on either side, whose weight is
    multiplied by that part: one half for an even size. An even number of taps would move the image by half a pixel.
    """
    reach = math.ceil((kernel_size - 1) / 2)
    offsets = torch.arange(-reach, reach + 1, dtype=sigma.dtype, device=sigma.device)
    covered = (kernel_size / 2 + 0.5 - offsets.abs()).clamp(max=1)
    weights = covered * torch.exp(-0.5 * (offsets / sigma[:, None]).square())
    return weights / weights.sum(dim=1, keepdim=True)


def blur(x: Tensor, kernel: Tensor) -> Tensor:
    """Blur rows, then columns, with reflected borders: [B, 3, H, W] -> same.

    kernel: [B, taps] (or [1, taps] for all problems), taps odd and below 2 * min(H, W).
    """
    height, width = x.shape[-2:]
    return (blur_matrix(kernel, height).to(x.dtype) @ x) @ blur_matrix(kernel, width).to(x.dtype).mT


def blur_matrix(kernel: Tensor, side: int) -> Tensor:
    """Write a one-dimensional blur with reflected borders as a matrix: [B, taps] -> [B, 1, side, side].

    Multiplying by it takes a CPU less time than the depthwise convolution of three channels that it equals.
    """
    reach = kernel.shape[1] // 2
    pixel = torch.arange(side, device=kernel.device)
    source = (pixel[:, None] + torch.arange(-reach, reach + 1, device=kernel.device)).abs()
    source = torch.where(source < side, source, 2 * (side - 1) - source)  # reflect: -1 -> 1, side -> side - 2
    matrix = kernel.new_zeros(len(kernel), side, side)
    taps = kernel[:, None, :].expand(-1, side, -1)
    return matrix.scatter_add(2, source.expand_as(taps), taps)[:, None]
