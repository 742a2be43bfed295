from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from inversion.generator.stylegan2 import Generator
from training.evaluate import COMPONENTS, PixelComponents, halves, remembered, samples, shown_at


def test_pixel_components_are_uncorrelated_and_of_unit_variance() -> None:
    real = torch.rand([80, 3, 64, 64], generator=torch.Generator().manual_seed(0)) * 2 - 1
    rows = PixelComponents(real)(real)
    assert rows.shape == (80, COMPONENTS)
    np.testing.assert_allclose(rows.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(np.cov(rows, rowvar=False, bias=True), np.eye(COMPONENTS), atol=1e-3)


def test_a_smaller_nets_pictures_are_enlarged_and_rounded_like_files() -> None:
    shown = shown_at(torch.full([1, 3, 32, 32], 0.3), 64)
    assert shown.shape == (1, 3, 64, 64)
    levels = (shown + 1) * 127.5
    torch.testing.assert_close(levels, levels.round(), rtol=0, atol=1e-4)
    assert (shown - 0.3).abs().max() <= 0.5 / 127.5 + 1e-6


def test_halves_are_two_parts_of_the_whole() -> None:
    first, second = halves(9)
    assert sorted(torch.cat([first, second]).tolist()) == list(range(9))


def test_samples_are_the_same_every_time(tiny_generator: Generator) -> None:
    a, b = (samples(tiny_generator, 60, truncation_psi=1.0) for _ in range(2))
    assert a.shape == (60, 3, 32, 32)
    torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_real_pictures_are_described_once(tmp_path: Path) -> None:
    def describe(images: Tensor) -> np.ndarray:
        return images.flatten(1).numpy()

    def fail(images: Tensor) -> np.ndarray:
        raise AssertionError("described again")

    images = torch.rand([3, 3, 4, 4])
    first = remembered(describe, images, tmp_path / "cache", "pixels")
    np.testing.assert_array_equal(remembered(fail, images, tmp_path / "cache", "pixels"), first)
    with pytest.raises(AssertionError, match="again"):
        remembered(fail, images[:2], tmp_path / "cache", "pixels")
