"""Sharpness says by how much a blur is too narrow or too wide, whatever else differs between two pictures."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from inversion.degradations.blur import GaussianBlur
from inversion.images import quantize
from inversion.metrics.sharpness import sharpness
from tests.conftest import TOLERANCE


def scene(seed: int, side: int = 64) -> Tensor:
    """Like a photo in its spectrum alone: amplitude falls as 1 / f (Field 1987). [1, 3, side, side]"""
    rng = torch.Generator().manual_seed(seed)
    f = torch.fft.fftfreq(side)
    noise = torch.randn([1, 1, side, side], generator=rng, dtype=torch.float64)
    spectrum = torch.fft.fft2(noise) / (f[:, None] ** 2 + f**2).sqrt().clamp(min=1 / side)
    x = torch.fft.ifft2(spectrum).real
    return (x / x.std() / 3).clamp(-1, 1).expand(-1, 3, -1, -1)


def blurred(seed: int, kernel_size: int, side: int = 64) -> Tensor:
    x = scene(seed, side)
    return quantize(GaussianBlur(kernel_size).bind(x, degraded=False)(x))


def test_a_picture_is_as_sharp_as_itself() -> None:
    x = torch.cat([blurred(0, 5), scene(1)])
    assert sharpness(x, x).tolist() == [0, 0]


@pytest.mark.parametrize(("side", "sizes"), [(64, (4, 5, 6, 7, 8)), (256, (15, 20, 25, 30, 35))])
def test_the_kernel_that_blurred_a_photo_is_found_with_another_photo(
    side: int, sizes: tuple[int, ...]
) -> None:
    """What a scan of candidate kernels relies on: it falls with the kernel's size and is nearest to 0 at the truth."""
    for true in sizes[1:-1]:
        photo = blurred(1, true, side)
        values = [sharpness(blurred(2, size, side), photo).item() for size in sizes]
        assert values == sorted(values, reverse=True)
        assert min(sizes, key=lambda size: abs(values[sizes.index(size)])) == true


def test_noise_in_the_reference_is_no_detail() -> None:
    rng = torch.Generator().manual_seed(3)
    photo = blurred(1, 7)
    noisy = photo + 0.02 * torch.randn(photo.shape, generator=rng, dtype=photo.dtype)
    assert sharpness(photo, noisy).item() == pytest.approx(0, abs=1)


def test_no_pair_changes_its_neighbours_value() -> None:
    a, b = torch.cat([blurred(0, 5), scene(1)]), torch.cat([blurred(2, 7), blurred(3, 3)])
    alone = torch.cat([sharpness(a[i : i + 1], b[i : i + 1]) for i in range(2)])
    torch.testing.assert_close(sharpness(a, b), alone, **TOLERANCE[torch.float64])
