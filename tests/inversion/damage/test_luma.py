from __future__ import annotations

import numpy as np
import pytest

from inversion.damage import luma
from inversion.damage.luma import TILE, enlarged, luma_of, patchwork, reduced


def test_luma_of_white_is_one_and_of_primaries_their_weight() -> None:
    photo = 255 * np.array([[[1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]]], dtype=np.uint8)
    np.testing.assert_allclose(luma_of(photo)[0], [1, 0.299, 0.587, 0.114, 0], atol=1e-6)


def test_reducing_averages_whole_squares() -> None:
    image = np.arange(30.0).reshape(5, 6)
    np.testing.assert_allclose(reduced(image, 2), [[3.5, 5.5, 7.5], [15.5, 17.5, 19.5]])
    assert reduced(image, 1) is image


def test_a_patchwork_keeps_blocks_and_bounds_the_work() -> None:
    for shape in ((3000, 2000), (44, 40_000), (40_000, 44)):
        rows, columns = np.mgrid[: shape[0], : shape[1]]
        image = rows % 8 + 10 * (columns % 8)
        found = patchwork(image)
        assert len(found) <= 16 * TILE and found.size >= min(12 * TILE**2, 16 * TILE * 40)
        assert (found == image[np.arange(len(found)) % 8, : found.shape[1]]).all()


def test_of_a_photo_narrower_than_a_square_pieces_are_taken() -> None:
    for shape in ((40_000, 40), (40, 40_000)):
        found = patchwork(np.zeros(shape, dtype=bool))
        assert 0 < found.size <= 16 * TILE**2


def test_work_in_strips_is_the_same() -> None:
    image = np.random.default_rng(0).random((3001, 900, 2), dtype=np.float32)
    halves = reduced(image, 2)
    np.testing.assert_array_equal(halves[1000:], reduced(image[2000:], 2))
    photo = np.random.default_rng(0).integers(0, 256, (2500, 900, 3), dtype=np.uint8)
    np.testing.assert_allclose(luma_of(photo)[2000:], luma_of(photo[2000:]), rtol=1e-6)


def test_a_line_of_squares_is_averaged_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    image = np.random.default_rng(0).random((30, 5000, 3), dtype=np.float32)
    known = np.random.default_rng(1).random((30, 5000)) > 0.2
    whole, seen, share = reduced(image, 10), reduced(image, 10, known), reduced(known, 10)
    np.testing.assert_allclose(share, known.reshape(3, 10, 500, 10).mean(axis=(1, 3)), rtol=1e-6)
    np.testing.assert_allclose(seen, reduced(image * known[..., None], 10), rtol=1e-6)
    monkeypatch.setattr(luma, "STRIP", 3000)
    np.testing.assert_allclose(reduced(image, 10), whole, rtol=1e-6)
    np.testing.assert_allclose(reduced(image, 10, known), seen, rtol=1e-6)


def test_enlarged_is_as_large_as_the_photo_was() -> None:
    small = np.arange(6).reshape(2, 3)
    large = enlarged(small, 2, (5, 7))
    np.testing.assert_array_equal(large, small[[0, 0, 1, 1, 1]][:, [0, 0, 1, 1, 2, 2, 2]])
    np.testing.assert_array_equal(enlarged(small, 2, (5, 7), slice(3, 5)), large[3:5])


def test_a_small_photo_stays_whole() -> None:
    image = np.zeros((600, 500))
    assert patchwork(image) is image
