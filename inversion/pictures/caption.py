"""One line of metrics below a picture, for people."""

from __future__ import annotations

from collections.abc import Mapping

from inversion.metrics.catalogue import metric

CAVEAT = "a plausible face, not evidence of identity"
SHOWN = (
    "found_kernel_size",
    "untuned_psnr",
    "psnr",
    "ssim",
    "identity_distance",
    "fit_psnr",
    "w_distance",
    "consistent_psnr",
    "consistent_identity_distance",
)


def caption(metrics: Mapping[str, float]) -> str:
    """PSNR 24.1 dB · SSIM 0.812 — what a restoration is not."""
    parts = [metric(name).caption(metrics[name]) for name in SHOWN if name in metrics]
    return " — ".join(filter(None, [" · ".join(parts), CAVEAT]))
