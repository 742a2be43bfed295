from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from skimage.metrics import structural_similarity
from torch import Tensor

from inversion.errors import ConfigError
from inversion.faces.sample import sample_photo
from inversion.images import read_photo, to_tensor, to_unit
from inversion.metrics.ssim import ssim


@pytest.fixture(scope="module")
def photo() -> Tensor:
    return to_tensor(read_photo(sample_photo()).resize((96, 112)))[None]


def reference(a: Tensor, b: Tensor) -> list[float]:
    return [
        float(
            structural_similarity(
                to_unit(x).numpy(),  # SSIM's luminance term wants black at 0
                to_unit(y).numpy(),
                data_range=1,
                channel_axis=0,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
            )
        )
        for x, y in zip(a, b, strict=True)
    ]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_agrees_with_scikit_image(photo: Tensor, dtype: torch.dtype) -> None:
    rng = torch.Generator().manual_seed(0)
    noisy = (photo + 0.2 * torch.randn(photo.shape, generator=rng)).clamp(-1, 1)
    blurred = F.avg_pool2d(photo, 5, 1, 2)
    others = torch.cat([noisy, blurred, -photo, photo * 0.5, torch.zeros_like(photo)]).to(dtype)
    pictures = photo.expand_as(others).to(dtype)
    assert ssim(pictures, others).tolist() == pytest.approx(reference(pictures, others), abs=2e-4)


def test_equal_images_are_at_1(photo: Tensor) -> None:
    assert ssim(photo, photo).tolist() == pytest.approx([1], abs=1e-5)


def test_is_symmetric_and_falls_as_noise_grows(photo: Tensor) -> None:
    noise = torch.randn(photo.shape, generator=torch.Generator().manual_seed(0)) * 0.05
    values = [ssim(photo, photo + k * noise).item() for k in (0, 1, 2, 4, 8)]
    assert values == sorted(values, reverse=True)
    torch.testing.assert_close(ssim(photo, noise), ssim(noise, photo), rtol=1e-4, atol=1e-5)


def test_no_pair_changes_its_neighbours_value() -> None:
    a, b = torch.rand(2, 4, 3, 16, 16, dtype=torch.float64).unbind()
    torch.testing.assert_close(ssim(a, b)[1:2], ssim(a[1:2], b[1:2]), rtol=1e-10, atol=1e-10)


def test_the_smallest_image_is_the_window() -> None:
    a, b = (torch.from_numpy(np.random.default_rng(k).uniform(-1, 1, (1, 3, 11, 11))) for k in (0, 1))
    assert ssim(a, b).tolist() == pytest.approx(reference(a, b), abs=2e-4)
    with pytest.raises(ConfigError, match="11 px"):
        ssim(a[..., :10], b[..., :10])


def test_unlike_shapes_are_refused(photo: Tensor) -> None:
    with pytest.raises(ConfigError, match="Got"):
        ssim(photo, photo[..., :32])
