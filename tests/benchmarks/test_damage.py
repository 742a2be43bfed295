from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from benchmarks.damage import Case, describe, lines
from benchmarks.damaged import BLUR, NOISE, QUALITY, SEVERITIES, damaged
from inversion.damage.damage import find_damage
from inversion.damage.noise import IN_LUMA
from inversion.faces.sample import sample_photo
from inversion.images import read_photo


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    return read_photo(sample_photo()).resize((320, 375))


def test_a_seed_and_a_severity_decide_the_damage(photo: Image.Image) -> None:
    one, again, other = damaged(photo, 2, 5), damaged(photo, 2, 5), damaged(photo, 2, 6)
    assert np.array_equal(one.photo, again.photo) and not np.array_equal(one.photo, other.photo)
    assert one.photo.shape == (375, 320, 3) and one.photo.dtype == np.uint8


@pytest.mark.parametrize("severity", SEVERITIES)
def test_what_is_done_is_of_its_severity_and_each_kind_is_done_to_some(
    photo: Image.Image, severity: int
) -> None:
    cases = [damaged(photo, severity, seed) for seed in range(30)]
    sizes = [case.kernel_size for case in cases if case.kernel_size]
    sigmas = [case.sigma / IN_LUMA for case in cases if case.sigma]
    qualities = [case.quality for case in cases if case.quality]
    assert all(max(1, BLUR[severity][0] * 320) <= size <= BLUR[severity][1] * 320 for size in sizes)
    assert all(NOISE[severity][0] <= sigma <= NOISE[severity][1] for sigma in sigmas)
    assert all(QUALITY[severity][0] <= quality <= QUALITY[severity][1] for quality in qualities)
    assert {case.colour for case in cases} == {"colour", "grey", "sepia"}
    assert all(0 < len(found) < 30 for found in (sizes, sigmas, qualities))
    assert any(case.scratched is not None and case.scratched.any() for case in cases)
    assert any(case.quality and case.tables is None for case in cases)


def test_a_table_counts_what_is_near_its_goal(photo: Image.Image) -> None:
    done = replace(
        damaged(photo, 2, 5), colour="grey", kernel_size=20.0, sigma=0.02, quality=60, scratched=None
    )
    found = find_damage(done.photo, done.tables)
    right = replace(
        found,
        colour=replace(found.colour, kind="grey"),
        blur=replace(found.blur, kernel_size=22.0),
        noise=replace(found.noise, sigma=0.017),
        compression=replace(found.compression, quality=64),
    )
    wrong = replace(
        right,
        colour=replace(found.colour, kind="colour"),
        blur=replace(found.blur, kernel_size=24.0),
        noise=replace(found.noise, sigma=0.03),
        compression=replace(found.compression, quality=None),
    )
    table = lines([Case("a", 1, done, right, 1.0), Case("a", 2, done, wrong, 1.0)])
    for start in ("| grey", "| kernel", "| JPEG", "| noise"):
        (line,) = [line for line in table if line.startswith(start)]
        assert [cell.strip() for cell in line.split("|")[2:7]] == ["100.0%", "0.0%", "-", "50.0%", "2"]
    assert "kernel 20.0 -> 22.0" in describe(Case("a", 1, done, right, 1.0))


def test_a_mask_is_measured_by_its_pixels(photo: Image.Image) -> None:
    done = damaged(photo, 2, 5)
    truth, mask = (np.zeros((375, 320), dtype=bool) for _ in range(2))
    truth[:10], mask[5:10] = True, True
    mask[100:105] = True
    found = find_damage(done.photo, done.tables)
    case = Case(
        "a",
        2,
        replace(done, scratched=truth),
        replace(found, scratches=replace(found.scratches, mask=mask)),
        1.0,
    )
    assert case.overlap == (0.5, 0.5)
