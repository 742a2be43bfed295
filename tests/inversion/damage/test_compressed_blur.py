from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from inversion.damage import missed
from inversion.damage.blur import Blur, Scales
from inversion.damage.compressed_blur import kernel_before
from inversion.damage.compression import Compression, find_compression
from inversion.damage.luma import luma_of
from inversion.damage.missed import DISPUTED, SHARP_BLOCKS, verdict
from tests.inversion.damage.test_blur import blurred


def saved(photo: np.ndarray, quality: int, noise: float = 0.0) -> tuple[np.ndarray, Compression]:
    """As JPEG, in between with noise in luma: its luma, and what is known of it."""
    grain = 255 * noise * np.random.default_rng(0).normal(size=(*photo.shape[:2], 1))
    file = io.BytesIO()
    Image.fromarray((photo + grain).clip(0, 255).astype(np.uint8)).save(file, format="JPEG", quality=quality)
    stored = Image.open(file)
    return luma_of(np.array(stored)), find_compression(np.array(stored), stored.quantization)  # type: ignore[attr-defined]


@pytest.mark.parametrize("noise", [0.0, 0.03])
@pytest.mark.parametrize("quality", [25, 45])
def test_what_survives_tells_sharp_from_blurred(portrait: np.ndarray, quality: int, noise: float) -> None:
    luma, compression = saved(portrait, quality, noise)
    sharp = kernel_before(luma, noise, compression)
    assert sharp is not None and sharp < SHARP_BLOCKS
    for size in (8, 14):
        luma, compression = saved(blurred(portrait, size), quality, noise)
        soft = kernel_before(luma, noise, compression)
        assert soft is not None and soft > SHARP_BLOCKS


def test_of_what_is_hidden_nothing_counts(portrait: np.ndarray) -> None:
    photo, known = blurred(portrait, 14), np.ones(portrait.shape[:2], dtype=bool)
    spoilt = photo.copy()
    spoilt[::16, 256::8] = 255  # beyond whole blocks of what is known
    known[:, 240:] = False
    clean, damaged = (saved(each, 40)[0] for each in (photo, spoilt))
    _, compression = saved(photo, 40)
    before, misled = kernel_before(clean, 0.0, compression), kernel_before(damaged, 0.0, compression)
    assert before is not None and misled is not None and misled < before
    told, same = (kernel_before(luma, 0.0, compression, known) for luma in (damaged, clean))
    assert told is not None and told == same
    assert kernel_before(clean, 0.0, compression, np.zeros_like(known)) is None
    assert kernel_before(np.full((200, 200), 0.5, dtype=np.float32), 0.0, compression) is None


@pytest.mark.parametrize("level", [0, 240])
def test_a_prints_border_makes_a_blurred_photo_no_sharper(portrait: np.ndarray, level: int) -> None:
    border = ((13, 13), (13, 13), (0, 0))
    for photo, is_sharp in ((portrait, True), (blurred(portrait, 13), False)):
        luma, compression = saved(np.pad(photo, border, constant_values=level), 40)
        found = kernel_before(luma, 0.0, compression)
        assert found is not None and (found < SHARP_BLOCKS) == is_sharp


def test_a_large_photo_that_was_cropped_says_the_same(portrait: np.ndarray) -> None:
    """Its blocks begin elsewhere; squares from all over it must not be cut through them, which makes edges."""
    wide = np.concatenate([portrait, portrait[:, ::-1], portrait], axis=1)
    luma, compression = saved(blurred(np.concatenate([wide, wide[::-1]]), 12), 40)
    assert luma.size > 16 * 256**2
    whole = kernel_before(luma[8:, 8:], 0.0, compression)
    known = np.ones_like(luma[3:, 6:], dtype=bool)
    for row, column, seen in ((3, 6, None), (3, 6, known), (0, 1, None)):
        offset = -row % 8, -column % 8
        cropped = kernel_before(luma[row:, column:], 0.0, replace(compression, offset=offset), seen)
        assert cropped is not None and cropped == pytest.approx(whole, rel=0.2)


def test_blocks_only_say_that_a_strongly_compressed_photo_is_sharp(
    portrait: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    for photo, quality, by_spectrum, is_sharp in (
        (portrait, 30, 9.0, True),
        (blurred(portrait, 9), 30, 9.0, False),
        (portrait, 80, 9.0, False),  # little is lost: the spectrum knows
        (portrait, 30, 20.0, False),  # wider than a block shows
    ):
        luma, compression = saved(photo, quality)
        spectrum = Blur(by_spectrum, 0.9)
        monkeypatch.setattr(missed, "measured", lambda *_, one=spectrum: one)
        found = verdict(Scales(luma, None), 0.0, compression)
        assert found.is_sharp == is_sharp
        assert found.confidence == DISPUTED if is_sharp else found == spectrum
    luma, compression = saved(portrait, 30)
    monkeypatch.setattr(missed, "measured", lambda *_: Blur(9.0, 0.9))
    assert verdict(Scales(luma, None), 0.0, compression.reduced(2)).kernel_size == 9.0  # no blocks any more
