from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from inversion.degradations.grayscale import Grayscale
from inversion.faces.sample import sample_photo
from inversion.images import read_photo, to_255, to_tensor


def test_grey_twice_is_grey_once() -> None:
    x = torch.rand(2, 3, 8, 8, dtype=torch.float64) * 2 - 1
    once = Grayscale()(x)
    torch.testing.assert_close(Grayscale()(once), once, rtol=1e-12, atol=1e-12)


def test_channels_are_equal() -> None:
    y = Grayscale()(torch.rand(2, 3, 8, 8) * 2 - 1)
    assert torch.equal(y[:, :1].expand_as(y), y)


def test_luma_is_pillows_to_one_level() -> None:
    photo = read_photo(sample_photo())
    ours = to_255(Grayscale()(to_tensor(photo)[None])[0, 0]).numpy()
    assert np.abs(ours - np.asarray(photo.convert("L"), dtype=np.float64)).max() <= 1


def test_primary_colours_have_their_published_weights() -> None:
    primaries = torch.eye(3)[None, :, :, None].double() * 2 - 1  # red, green, blue, one below the other
    luma = (Grayscale()(primaries)[0, 0, :, 0] + 1) / 2
    torch.testing.assert_close(luma, torch.tensor([0.299, 0.587, 0.114]).double(), rtol=0, atol=1e-7)


def test_a_sepia_print_is_compared_without_its_tint() -> None:
    grey = Image.effect_noise((16, 16), 60)
    sepia = Image.merge("RGB", [grey.point(lambda v, s=s: int(v * s)) for s in (1.0, 0.85, 0.65)])
    target = Grayscale().target(to_tensor(sepia)[None], 8)
    assert torch.equal(target[:, :1].expand_as(target), target)


def test_consistent_is_the_photos_luma_and_a_colour_that_exists() -> None:
    rng = torch.Generator().manual_seed(0)
    restored = torch.rand(2, 3, 8, 8, generator=rng, dtype=torch.float64) * 3 - 1.5
    observed = Grayscale()(torch.rand(2, 3, 8, 8, generator=rng, dtype=torch.float64) * 2 - 1)
    once = Grayscale().consistent(restored, observed)
    assert once.abs().max() <= 1 + 1e-6
    torch.testing.assert_close(Grayscale()(once), observed, rtol=0, atol=1e-6)
    torch.testing.assert_close(Grayscale().consistent(once, observed), once, rtol=0, atol=1e-6)
