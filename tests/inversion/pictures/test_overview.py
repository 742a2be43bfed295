"""The sheet of many photos."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from inversion.pictures.overview import Entry, overview

RED, BLUE = Image.new("RGB", (300, 300), "red"), Image.new("RGB", (40, 40), "blue")


def share(sheet: Image.Image, colour: tuple[int, int, int]) -> int:
    return int((np.asarray(sheet) == colour).all(axis=2).sum())


def test_every_photo_stands_beside_its_result() -> None:
    sheet = overview([Entry("a", RED, BLUE), Entry("b", RED, BLUE)])
    assert share(sheet, (255, 0, 0)) == share(sheet, (0, 0, 255)) == 2 * 256 * 256


def test_a_reason_stands_where_a_result_is_missing() -> None:
    told = overview([Entry("a", None, None, "FAILED: no face found"), Entry("b", RED, BLUE)])
    silent = overview([Entry("a", None, None), Entry("b", RED, BLUE)])
    assert told.size == silent.size and not np.array_equal(np.asarray(told), np.asarray(silent))


@pytest.mark.parametrize("count", [1, 7, 61, 200])
def test_sheets_of_many_photos_stay_narrow(count: int) -> None:
    sheet = overview([Entry("photo with a very long name " * 5, RED, BLUE)] * count)
    assert sheet.width <= 1840
