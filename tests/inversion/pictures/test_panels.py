from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from inversion.pictures.drawing import readable
from inversion.pictures.panels import panel

COLOURS = [(200, 30, 30), (30, 160, 30), (30, 30, 200), (200, 160, 30)]
CAPTIONS = ["original", "degraded", "restored", "restored, degraded again"]


def squares(side: int, count: int = 4) -> list[tuple[str, Image.Image]]:
    return [(CAPTIONS[i], Image.new("RGB", (side, side), COLOURS[i])) for i in range(count)]


def runs_of(sheet: Image.Image, colour: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Box of the pixels of one colour: left, top, width, height."""
    rows, columns = np.nonzero((np.asarray(sheet) == colour).all(axis=2))
    left, right, top, bottom = (int(f(x)) for x in (columns, rows) for f in (np.min, np.max))
    return left, top, right - left + 1, bottom - top + 1


@pytest.mark.parametrize(("side", "shown"), [(16, 256), (64, 256), (300, 300), (512, 512), (1024, 512)])
def test_pictures_stand_in_one_row_at_a_readable_size(side: int, shown: int) -> None:
    sheet = panel(squares(side), "PSNR 24.1 dB")
    boxes = [runs_of(sheet, colour) for colour in COLOURS]
    assert all(box[2:] == (shown, shown) for box in boxes)
    assert len({box[1] for box in boxes}) == 1
    gaps = {right[0] - left[0] - shown for left, right in zip(boxes, boxes[1:], strict=False)}
    assert len(gaps) == 1 and min(gaps) > 0
    assert boxes[0][0] == sheet.width - boxes[-1][0] - shown  # the margins are alike


def test_the_paper_is_white_around_everything() -> None:
    edge = np.asarray(panel(squares(64), "PSNR 24.1 dB — a plausible face"))
    for line in (edge[0], edge[-1], edge[:, 0], edge[:, -1]):
        assert (line == 255).all()


def test_captions_and_footer_are_drawn_below_the_pictures() -> None:
    bare = panel([("", image) for _, image in squares(64)])
    captioned = panel(squares(64))
    with_footer = panel(squares(64), "PSNR 24.1 dB")
    assert with_footer.height > captioned.height
    below = 20 + 256
    assert (np.asarray(bare)[below:] == 255).all()
    assert (np.asarray(captioned)[below:] < 255).any()


def test_long_captions_and_footers_wrap_inside_the_paper() -> None:
    words = "restored and then degraded in exactly the way in which the photo had been degraded"
    one = panel([(words, Image.new("RGB", (64, 64)))], " · ".join(["identity 0.42"] * 9) + " — " + words)
    pixels = np.asarray(one)
    assert (pixels[:, :12] == 255).all() and (pixels[:, -12:] == 255).all()
    assert one.height > panel([("short", Image.new("RGB", (64, 64)))], "short").height + 60


def test_shape_is_kept_and_any_mode_is_welcome() -> None:
    tall = Image.new("L", (32, 64), 90)
    wide = Image.new("RGBA", (64, 32), (10, 20, 250, 255))
    sheet = panel([("tall", tall), ("wide", wide)])
    assert runs_of(sheet, (90, 90, 90))[2:] == (128, 256)
    assert runs_of(sheet, (10, 20, 250))[2:] == (256, 128)


def test_an_empty_panel_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one picture"):
        panel([])


def test_readable_enlarges_only_small_pictures() -> None:
    assert readable(Image.new("RGB", (64, 32))).size == (256, 128)
    assert readable(Image.new("RGB", (1024, 512))).size == (1024, 512)
    assert readable(Image.new("L", (300, 300))).mode == "RGB"
