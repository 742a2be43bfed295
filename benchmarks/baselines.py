"""What needs no network: the classical answer to each degradation, to be measured beside ours."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from skimage.restoration import inpaint_biharmonic, wiener
from torch import Tensor

from inversion.degradations.blur import GaussianBlur, gaussian_kernel
from inversion.degradations.degradation import Degradation
from inversion.degradations.inpaint import Inpaint
from inversion.images import from_unit, to_unit

# regularization of the Wiener filter; the best of 0.001, 0.003, 0.01, 0.03 on the blur task at 64 px
WIENER_BALANCE = 0.003
LARGE_BALANCES = (0.003, 0.03, 0.3, 3.0, 30.0)  # at the photo's own size, where rounding is amplified more


def restore_classically(
    degradation: Degradation, observed: Tensor, originals: Tensor | None = None
) -> tuple[str, Tensor] | None:
    """(name, images [B, 3, R, R]): Wiener filter for blur, biharmonic inpainting, None where nothing is usual.

    originals: for each photo the Wiener filter has the regularization that comes nearest to them, as no user could
    choose it; None: WIENER_BALANCE.
    """
    pictures = to_unit(observed).permute(0, 2, 3, 1).double().numpy()
    if isinstance(degradation, GaussianBlur):
        assert isinstance(degradation.kernel_size, (int, float)) and degradation.sigma is not None
        taps = gaussian_kernel(degradation.kernel_size, torch.tensor([degradation.sigma]))[0].double().numpy()
        kernel = np.outer(taps, taps)
        margin = len(taps)
        name = "Wiener filter"
        if originals is None:
            restored = [_wiener(picture, kernel, margin, WIENER_BALANCE) for picture in pictures]
        else:
            truths = to_unit(originals).permute(0, 2, 3, 1).double().numpy()
            restored = [
                min(
                    (_wiener(picture, kernel, margin, balance).clip(0, 1) for balance in LARGE_BALANCES),
                    key=partial(_error, truth),
                )
                for picture, truth in zip(pictures, truths, strict=True)
            ]
    elif isinstance(degradation, Inpaint):
        assert degradation.known is not None
        known = degradation.known.expand(len(observed), -1, -1, -1)[:, 0].numpy() > 0
        name = "biharmonic"
        restored = [inpaint_biharmonic(p, ~k, channel_axis=-1) for p, k in zip(pictures, known, strict=True)]
    else:
        return None
    images = torch.from_numpy(np.stack(restored)).float().clamp(0, 1).permute(0, 3, 1, 2)
    return name, from_unit(images)


def _error(truth: np.ndarray, image: np.ndarray) -> float:
    return float(np.square(image - truth).mean())


def _wiener(picture: np.ndarray, kernel: np.ndarray, margin: int, balance: float) -> np.ndarray:
    padded = np.pad(picture, ((margin, margin), (margin, margin), (0, 0)), mode="reflect")
    channels = [wiener(padded[..., c], kernel, balance) for c in range(3)]
    return np.stack(channels, axis=-1)[margin:-margin, margin:-margin]
