"""Structural similarity."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from inversion.errors import ConfigError
from inversion.images import to_unit
from inversion.metrics.psnr import mean_where

WINDOW = 11  # px
SIGMA = 1.5  # px
K1, K2 = 0.01, 0.03


def ssim(a: Tensor, b: Tensor, known: Tensor | None = None) -> Tensor:
    """Compare [B, 3, H, W] in [-1, 1] by local mean, contrast and structure: [B], 1 where equal.

    Wang et al. 2004, Image Quality Assessment, eq. 13, with its 11x11 Gaussian window, over all places where
    the window fits and all three channels. Equals scikit-image's structural_similarity with
    gaussian_weights=True, sigma=1.5, use_sample_covariance=False. What lies outside [-1, 1] counts as the
    colour that a file would show.
    known: [1 or B, 1, H, W], 1 = counts: windows with a pixel that does not are left out; None: all count.
    Errors: ConfigError for images below 11 px.
    """
    if a.shape != b.shape or a.ndim != 4:
        raise ConfigError(f"SSIM compares two batches [B, 3, H, W]. Got {list(a.shape)} and {list(b.shape)}.")
    if min(a.shape[-2:]) < WINDOW:
        raise ConfigError(f"SSIM needs at least {WINDOW} px a side. Got {list(a.shape)}.")
    a, b = to_unit(a), to_unit(b)
    mean_a, mean_b = _window_mean(a), _window_mean(b)
    var_a = _window_mean(a * a) - mean_a**2
    var_b = _window_mean(b * b) - mean_b**2
    covariance = _window_mean(a * b) - mean_a * mean_b
    c1, c2 = K1**2, K2**2  # the range is 1, black is 0: on [-1, 1] the luminance term would mean nothing
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    structure = (2 * covariance + c2) / (var_a + var_b + c2)
    places = luminance * structure
    if known is None:
        return places.mean(dim=(1, 2, 3))
    return mean_where(places, 1 - F.max_pool2d(1 - known.to(places), WINDOW, 1))


def _window_mean(x: Tensor) -> Tensor:
    """Weigh each neighbourhood by the Gaussian window: [B, C, H, W] -> [B, C, H - 10, W - 10]."""
    offset = torch.arange(WINDOW, device=x.device, dtype=x.dtype) - WINDOW // 2
    window = torch.exp(-(offset**2) / (2 * SIGMA**2))
    window = (window / window.sum()).expand(x.shape[1], 1, WINDOW)
    x = F.conv2d(x, window[:, :, :, None], groups=x.shape[1])
    return F.conv2d(x, window[:, :, None, :], groups=x.shape[1])
