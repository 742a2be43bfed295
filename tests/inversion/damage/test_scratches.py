from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from inversion.damage.luma import luma_of
from inversion.damage.scratches import find_scratches


@pytest.fixture(scope="module")
def luma(portrait: np.ndarray) -> np.ndarray:
    """Enlarged and soft, [1000, 587] in 0..1, without the flagstaff, which is a line as well."""
    right = Image.fromarray(portrait[:, 160:])
    large = luma_of(np.array(right.resize((587, 1000), Image.Resampling.BICUBIC)))
    return np.asarray(ndimage.gaussian_filter(large, 3))


def line(shape: tuple[int, ...], start: tuple[int, int], end: tuple[int, int], width: float) -> np.ndarray:
    """Pixels nearer than width / 2 to a line between two places (row, column)."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    down, across = end[0] - start[0], end[1] - start[1]
    along = ((rows - start[0]) * down + (columns - start[1]) * across) / (down**2 + across**2)
    along = along.clip(0, 1)
    return np.hypot(rows - start[0] - along * down, columns - start[1] - along * across) <= width / 2


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_lines_are_found_to_their_edges(luma: np.ndarray, value: float, noise: float) -> None:
    truth = line(luma.shape, (40, 100), (900, 180), 7) | line(luma.shape, (600, 20), (300, 580), 7)
    scratched = np.where(truth, value, 0.1 + 0.8 * luma)
    scratched = scratched + noise * np.random.default_rng(0).normal(size=luma.shape)
    found = find_scratches(scratched.clip(0, 1).astype(np.float32), noise)
    hit = (found.mask & truth).sum()
    assert hit / truth.sum() > 0.8 and hit / found.mask.sum() > 0.85
    assert found.share == pytest.approx(found.mask.mean()) and found.confidence > 0.5


@pytest.mark.parametrize("degrees", [11.25, 33.75, 43.75, 68.75])
def test_a_thin_stroke_is_found_in_whatever_direction(degrees: float) -> None:
    """Of 2 px of the searched size, each as far as can be from multiples of 2.5 degrees."""
    rise = np.tan(np.radians(degrees))
    down, across = (200 * np.array([rise, 1]) / np.hypot(rise, 1)).round().astype(int)
    truth = line((512, 512), (256 - down, 256 - across), (256 + down, 256 + across), 2.0)
    found = find_scratches(np.where(truth, 0.05, 0.6).astype(np.float32))
    assert found.mask[truth].mean() > 0.9 and ndimage.binary_dilation(truth)[found.mask].all()


def test_a_whole_photo_has_hardly_any(luma: np.ndarray) -> None:
    assert find_scratches(luma).share < 0.003


def test_an_edge_is_no_line() -> None:
    step = np.zeros((400, 400), dtype=np.float32)
    step[:, 200:] = 1.0
    found = find_scratches(step)
    assert (found.share, found.confidence) == (0, 0)


def test_small_photos_have_a_mask_of_their_size() -> None:
    for shape in ((1, 1), (30, 300), (700, 5)):
        assert find_scratches(np.full(shape, 0.5, dtype=np.float32)).mask.shape == shape
