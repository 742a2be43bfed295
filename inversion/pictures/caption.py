"""One line of metrics below a picture, for people."""

from __future__ import annotations

from collections.abc import Mapping

from inversion.metrics.catalogue import metric

CAVEAT = "a plausible face, not evidence of identity"
LIKENESS = ("psnr", "ssim", "identity_distance")
RESULT = ("full_", "consistent_", "")  # prefixes of the figures of result.png: the first that a run has


def caption(metrics: Mapping[str, float]) -> str:
    """result PSNR 24.1 dB, SSIM 0.812 · restored PSNR 20.3 dB · fit 31.0 dB — what a restoration is not."""
    result = next((prefix for prefix in RESULT if f"{prefix}psnr" in metrics), "")
    pictures = {"result": result} | ({"restored": ""} if result else {}) | {"before tuning": "untuned_"}
    parts = [
        f"{words} {figures}" for words, prefix in pictures.items() if (figures := likeness(metrics, prefix))
    ]
    alone = [
        metric(name).caption(metrics[name])
        for name in ("found_kernel_size", "fit_psnr", "w_distance")
        if name in metrics
    ]
    return " — ".join(filter(None, [" · ".join([*parts, *alone]), CAVEAT]))


def likeness(metrics: Mapping[str, float], prefix: str) -> str:
    """How like the original one picture is: PSNR 24.1 dB, SSIM 0.812, identity 0.31; "" where it was not measured."""
    return ", ".join(
        metric(name).caption(metrics[prefix + name]) for name in LIKENESS if prefix + name in metrics
    )
