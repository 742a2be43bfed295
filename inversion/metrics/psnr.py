"""Peak signal-to-noise ratio."""

from __future__ import annotations

from torch import Tensor

from inversion.errors import ConfigError
from inversion.images import to_unit


def psnr(a: Tensor, b: Tensor, known: Tensor | None = None) -> Tensor:
    """Compare [B, 3, H, W] in [-1, 1] pixel by pixel: [B] in dB, inf where equal.

    10 log10(peak^2 / mean squared error), peak = 1 on [0, 1]. What lies outside [-1, 1] counts as the colour
    that a file would show. Equals scikit-image's peak_signal_noise_ratio.
    known: [1 or B, 1, H, W], 1 = counts, 0 = does not; None: all count.
    """
    if a.shape != b.shape or a.ndim != 4:
        raise ConfigError(f"PSNR compares two batches [B, 3, H, W]. Got {list(a.shape)} and {list(b.shape)}.")
    squares = (to_unit(a) - to_unit(b)).square()
    mse = squares.mean(dim=(1, 2, 3)) if known is None else mean_where(squares, known)
    return -10 * mse.log10()


def mean_where(values: Tensor, known: Tensor) -> Tensor:
    """Mean over channels and known pixels: [B, C, H, W] and [1 or B, 1, H, W] -> [B]."""
    weight = known.to(values).expand(len(values), values.shape[1], -1, -1)
    return (values * weight).sum(dim=(1, 2, 3)) / weight.sum(dim=(1, 2, 3))
