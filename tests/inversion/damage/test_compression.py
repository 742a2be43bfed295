from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from inversion.damage.compression import find_compression


def compressed(photo: np.ndarray, quality: int) -> Image.Image:
    file = io.BytesIO()
    Image.fromarray(photo).save(file, format="JPEG", quality=quality)
    return Image.open(file)


@pytest.fixture(scope="module")
def clean(portrait: np.ndarray) -> np.ndarray:
    """Enlarged, so that traces of the sample's own compression are gone."""
    return np.array(Image.fromarray(portrait).resize((640, 750), Image.Resampling.LANCZOS))


@pytest.mark.parametrize("quality", [5, 30, 50, 75, 95])
def test_a_file_tells_its_quality_by_its_tables(clean: np.ndarray, quality: int) -> None:
    file = compressed(clean, quality)
    found = find_compression(np.array(file), file.quantization)  # type: ignore[attr-defined]
    assert (found.quality, found.confidence, found.origin) == (quality, 1.0, "tables")


def test_tables_of_another_program_are_known_for_that() -> None:
    found = find_compression(np.zeros((8, 8, 3), dtype=np.uint8), {0: [10] * 64})
    assert found.quality is not None and found.confidence < 0.1


@pytest.mark.parametrize("quality", [15, *(pytest.param(q, marks=pytest.mark.slow) for q in (50, 75)), 92])
@pytest.mark.parametrize("cut", [(0, 0), (3, 6)])
def test_a_photo_saved_again_as_png_keeps_its_traces_and_its_grid(
    clean: np.ndarray, quality: int, cut: tuple[int, int]
) -> None:
    photo = np.array(compressed(clean, quality))[cut[0] :, cut[1] :]
    found = find_compression(photo)
    assert found.quality == quality and found.origin == "traces"
    assert found.offset == (-cut[0] % 8, -cut[1] % 8)


def test_a_photo_that_never_was_compressed_shows_no_trace(clean: np.ndarray) -> None:
    noisy = clean + np.random.default_rng(0).normal(0, 4, clean.shape)
    for photo in (clean, noisy.clip(0, 255).round().astype(np.uint8)):
        assert find_compression(photo).quality is None


def test_flat_and_tiny_photos_show_no_trace() -> None:
    for shape in ((200, 200, 3), (20, 20, 3), (1, 1, 3)):
        assert find_compression(np.full(shape, 90, dtype=np.uint8)).quality is None
