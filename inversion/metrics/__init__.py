"""How good a restoration is: functions of two batches [B, 3, H, W] in [-1, 1] that return [B]."""

from __future__ import annotations

from inversion.metrics.colour_error import colour_error
from inversion.metrics.face_identity import identity_distance
from inversion.metrics.psnr import psnr
from inversion.metrics.sharpness import sharpness
from inversion.metrics.ssim import ssim

__all__ = ["colour_error", "identity_distance", "psnr", "sharpness", "ssim"]
