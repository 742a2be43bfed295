"""What needs no network: the classical answer to each degradation, to be measured beside ours."""

from __future__ import annotations

import numpy as np
import torch
from skimage.restoration import inpaint_biharmonic, wiener
from torch import Tensor

from inversion.degradations.blur import GaussianBlur, gaussian_kernel
from inversion.degradations.degradation import Degradation
from inversion.degradations.inpaint import Inpaint
from inversion.images import from_unit, to_unit

# regularization of the Wiener filter; the best of 0.001, 0.003, 0.01, 0.03 on the blur task
WIENER_BALANCE = 0.003


def restore_classically(degradation: Degradation, observed: Tensor) -> tuple[str, Tensor] | None:
    """(name, images [B, 3, R, R]): Wiener filter for blur, biharmonic inpainting, None where nothing is usual."""
    pictures = to_unit(observed).permute(0, 2, 3, 1).double().numpy()
    if isinstance(degradation, GaussianBlur):
        assert isinstance(degradation.kernel_size, (int, float)) and degradation.sigma is not None
        taps = gaussian_kernel(degradation.kernel_size, torch.tensor([degradation.sigma]))[0].double().numpy()
        kernel = np.outer(taps, taps)
        margin = len(taps)
        name, restored = "Wiener filter", [_wiener(picture, kernel, margin) for picture in pictures]
    elif isinstance(degradation, Inpaint):
        assert degradation.known is not None
        known = degradation.known.expand(len(observed), -1, -1, -1)[:, 0].numpy() > 0
        name = "biharmonic"
        restored = [inpaint_biharmonic(p, ~k, channel_axis=-1) for p, k in zip(pictures, known, strict=True)]
    else:
        return None
    images = torch.from_numpy(np.stack(restored)).float().clamp(0, 1).permute(0, 3, 1, 2)
    return name, from_unit(images)


def _wiener(picture: np.ndarray, kernel: np.ndarray, margin: int) -> np.ndarray:
    padded = np.pad(picture, ((margin, margin), (margin, margin), (0, 0)), mode="reflect")
    channels = [wiener(padded[..., c], kernel, WIENER_BALANCE) for c in range(3)]
    return np.stack(channels, axis=-1)[margin:-margin, margin:-margin]
