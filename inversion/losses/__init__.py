"""How unlike the photo an image is. Every loss has a file of its own here and settings in conf/loss."""

from __future__ import annotations

from inversion.losses.discriminator_features import DiscriminatorLoss
from inversion.losses.lpips import LPIPS
from inversion.losses.pixel import PixelLoss

__all__ = ["LPIPS", "DiscriminatorLoss", "PixelLoss"]
