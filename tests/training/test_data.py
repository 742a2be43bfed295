from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.training.conftest import write_zip
from training.augment import adapt, augment, diff_augment
from training.data import load_pictures, sample_batch


def test_pictures_come_from_several_zips_and_folders(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    Image.fromarray(np.full([16, 16, 3], 7, np.uint8)).save(folder / "a.png")
    first, second = write_zip(tmp_path / "1.zip", 32, 3, 1), write_zip(tmp_path / "2.zip", 16, 2, 2)
    pictures = load_pictures([first, str(second), folder], 16)
    assert pictures.shape == (6, 3, 16, 16) and pictures.dtype == torch.uint8
    assert (pictures[5] == 7).all()
    torch.testing.assert_close(pictures[:3], load_pictures([first], 16))


def test_pictures_that_are_too_small_are_left_out(tmp_path: Path) -> None:
    zips = [write_zip(tmp_path / "1.zip", 32, 3, 1), write_zip(tmp_path / "2.zip", 16, 2, 2)]
    assert len(load_pictures(zips, 32)) == 3
    with pytest.raises(ValueError, match="no pictures of 64 px"):
        load_pictures(zips, 64)


def test_pictures_that_are_not_square_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.zeros([16, 20, 3], np.uint8)).save(tmp_path / "wide.png")
    with pytest.raises(ValueError, match="square"):
        load_pictures([tmp_path], 16)


def test_batches_repeat_with_their_random_state() -> None:
    pictures = torch.randint(256, [5, 3, 8, 8], dtype=torch.uint8)
    a, b = (sample_batch(pictures, 4, torch.Generator().manual_seed(3)) for _ in range(2))
    torch.testing.assert_close(a, b, rtol=0, atol=0)
    assert a.min() >= -1 and a.max() <= 1


def test_augmentations_keep_gradients_and_shape() -> None:
    images = torch.rand([6, 3, 16, 16], requires_grad=True)
    rng = torch.Generator().manual_seed(0)
    for changed in (augment(images, 0.8, rng), diff_augment(images, rng)):
        assert changed.shape == images.shape
        (gradient,) = torch.autograd.grad(changed.sum(), images)
        assert (gradient.flatten(1).abs().sum(dim=1) > 0).all()


def test_augmentation_of_probability_0_changes_nothing() -> None:
    images = torch.rand([2, 3, 8, 8])
    torch.testing.assert_close(augment(images, 0, torch.Generator()), images, rtol=0, atol=0)


def test_probability_follows_the_discriminators_confidence() -> None:
    assert adapt(0.3, real_signs=0.9, shown=1000) > 0.3 > adapt(0.3, real_signs=0.1, shown=1000)
    assert adapt(0.8, 1.0, 10**6) == 0.8 and adapt(0.0, 0.0, 10**6) == 0.0
