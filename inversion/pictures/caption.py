"""One line of metrics below a picture, for people."""

from __future__ import annotations

from collections.abc import Mapping

CAVEAT = "a plausible face, not evidence of identity"


def caption(metrics: Mapping[str, float]) -> str:
    """One line for people: PSNR 24.1 dB · SSIM 0.81 — what a restoration is not."""
    formats = {
        "found_kernel_size": "kernel found {:.1f} px",
        "untuned_psnr": "before tuning {:.1f} dB",
        "psnr": "PSNR {:.1f} dB",
        "ssim": "SSIM {:.2f}",
        "identity_distance": "identity distance {:.2f}",
        "fit_psnr": "fit {:.1f} dB",
        "w_distance": "w distance {:.2f}",
        "consistent_psnr": "consistent: {:.1f} dB",
        "consistent_identity_distance": "identity distance {:.2f}",
    }
    parts = [text.format(metrics[name]) for name, text in formats.items() if name in metrics]
    return " — ".join(filter(None, [" · ".join(parts), CAVEAT]))
