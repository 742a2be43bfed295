"""Identity term: distance of dlib's face descriptors."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from inversion.errors import ConfigError
from inversion.faces.landmarks import installed_model
from inversion.features.dlib_descriptor import DESCRIPTOR_FILE, SIZE, FaceDescriptor, load_face_descriptor
from inversion.runtime.on_device import on_device

# Where dlib's chip lies in FFHQ's frame: left, top, side, in units of the frame's side. In the chip, dlib's mean
# face (dlib/image_transforms/interpolation.h, padding 0.25) has its eyes at (0.3170, 0.3107) and (0.6698, 0.3107)
# and its mouth at (0.4934, 0.6868); FFHQ's square around these (faces/align.py) is 1.4114 chips wide and starts at
# (-0.2123, -0.3574). Fitting 146 training portraits one by one gives 0.163, 0.258, 0.696 (medians).
CHIP = (0.1504, 0.2532, 0.7085)


@dataclass(frozen=True)
class IdentityLoss:
    """Squared distance of face descriptors, weight * |d(a) - d(b)|²: 0.36 is dlib's limit for one person.

    FFHQ's framing puts eyes and mouth of every face at nearly the same place, so that one fixed crop replaces dlib's
    own alignment, and gradients pass. Deng et al. 2019, ArcFace, and Richardson et al. 2021, pSp, equation 4,
    compare a reconstruction with its photo in this way; here both are as degraded as the photo.
    """

    weight: float
    descriptor: FaceDescriptor = field(repr=False, compare=False)
    name = "identity"
    resolution = 256  # its chip is then 181 px wide

    @classmethod
    def load(cls, weight: float, device: torch.device) -> IdentityLoss:
        """With dlib's network, on the device. Raises ConfigError without its file, CheckpointError."""
        if not 0 < weight < math.inf:
            raise ConfigError(f"loss.identity must be a finite number of at least 0. Got {weight}.")
        return cls(weight, load_face_descriptor(installed_model(DESCRIPTOR_FILE), device))

    def features(self, images: Tensor) -> list[Tensor]:
        """images: [B, 3, R, R] in [-1, 1], FFHQ framing. Returns their descriptors: [B, 128]."""
        return [self.descriptor(chips(images))]

    def __call__(self, features: list[Tensor], target: list[Tensor]) -> Tensor:
        """[B], 0 only for equal descriptors."""
        (a,), (b,) = features, target
        return self.weight * (a - b).square().sum(dim=1)


def chips(images: Tensor) -> Tensor:
    """Cut out the square that dlib's descriptor reads: [B, 3, R, R] in FFHQ framing -> [B, 3, 150, 150]."""
    left, top, side = CHIP
    across, down = (
        on_device(resampling, start, side, images.shape[-1], like=images) for start in (left, top)
    )
    return down @ images @ across.T


def resampling(start: float, length: float, resolution: int) -> Tensor:
    """Linear resampling of the part from `start` on, as a matrix [150, resolution]; averages where it reduces."""
    # of the chip's pixels, in pixels of the image
    centres = (start + length * (torch.arange(SIZE) + 0.5) / SIZE) * resolution - 0.5
    reach = max(1.0, length * resolution / SIZE)
    weights = (1 - (centres[:, None] - torch.arange(resolution)).abs() / reach).clamp(min=0)
    return weights / weights.sum(dim=1, keepdim=True)
