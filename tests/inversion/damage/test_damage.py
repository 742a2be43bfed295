from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from inversion.damage.chain import reduced, to_degradation
from inversion.damage.damage import Damage, find_damage
from inversion.damage.noise import IN_LUMA
from inversion.damage.table import rows, text
from inversion.degradations import GaussianBlur, Grayscale, Inpaint, SensorNoise
from inversion.images import quantize, to_pil, to_tensor
from tests.inversion.damage.test_blur import blurred


@pytest.fixture(scope="module")
def whole(portrait: np.ndarray) -> Image.Image:
    """600 x 704 px, without the flagstaff."""
    right = Image.fromarray(portrait[:, 160:])
    return right.resize((600, 1023), Image.Resampling.LANCZOS).crop((0, 0, 600, 704))


@pytest.fixture(scope="module")
def print_of_it(whole: Image.Image) -> tuple[np.ndarray, dict[int, list[int]]]:
    """Blurred by 16 px, in grey, noisy by 3 %, one white line, JPEG 80; and the file's tables."""
    image = to_tensor(whole)[None]
    image = GaussianBlur(16.0).bind(image, False)(image)
    image = SensorNoise(0.03).observe(Grayscale()(image), torch.Generator().manual_seed(0))
    image[..., :, 300:306] = 0.95
    file = io.BytesIO()
    to_pil(quantize(image)[0]).save(file, format="JPEG", quality=80)
    stored = Image.open(file)
    return np.array(stored), stored.quantization  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def damage(print_of_it: tuple[np.ndarray, dict[int, list[int]]]) -> Damage:
    return find_damage(*print_of_it)


@pytest.fixture(scope="module")
def none(whole: Image.Image) -> Damage:
    return find_damage(np.array(whole))


def test_all_kinds_are_found_in_one_photo(damage: Damage) -> None:
    assert damage.colour.kind == "grey"
    assert damage.blur.kernel_size == pytest.approx(16, rel=0.15)
    assert damage.noise.sigma == pytest.approx(0.03 * IN_LUMA, rel=0.25)
    assert damage.compression.quality == 80
    assert damage.scratches.mask[:, 301:305].mean() > 0.9 and damage.scratches.share < 0.02
    assert not damage.is_none


def test_a_photo_of_too_many_pixels_is_looked_at_at_a_smaller_size(
    print_of_it: tuple[np.ndarray, dict[int, list[int]]], damage: Damage, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo, tables = print_of_it
    monkeypatch.setattr("inversion.damage.damage.MOST", photo[..., 0].size // 3)  # half of its sides
    found = find_damage(photo, tables)
    assert (found.colour.kind, found.compression, found.noise) == ("grey", damage.compression, damage.noise)
    assert found.blur.kernel_size == pytest.approx(16, rel=0.2)
    assert found.scratches.mask.shape == photo.shape[:2] == found.hidden.shape
    assert found.scratches.mask[:, 301:305].mean() > 0.9 and found.scratches.share < 0.02


@pytest.mark.parametrize("quality", [40, pytest.param(80, marks=pytest.mark.slow)])
def test_what_compression_hides_of_a_photo_of_too_many_pixels_is_no_sharpness(
    portrait: np.ndarray, quality: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = io.BytesIO()
    large = Image.fromarray(portrait).resize((1024, 1200), Image.Resampling.BICUBIC)
    Image.fromarray(blurred(np.array(large), 40)).save(file, format="JPEG", quality=quality)
    photo = np.array(Image.open(file))
    monkeypatch.setattr("inversion.damage.damage.MOST", photo[..., 0].size // 3)  # half of its sides
    found = find_damage(photo)
    assert found.is_blurred and found.blur.kernel_size == pytest.approx(40, rel=0.15)


def test_a_whole_photo_has_no_damage(none: Damage) -> None:
    assert none.is_none and not to_degradation(none).steps


def test_a_whole_photo_of_too_many_pixels_has_none(
    whole: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inversion.damage.damage.MOST", 300_000)
    assert find_damage(np.array(whole)).is_none


def test_steps_come_in_the_order_of_camera_print_and_scanner(damage: Damage) -> None:
    steps = to_degradation(damage).steps
    names = [type(step).__name__ for step in steps]
    assert names == ["GaussianBlur", "Grayscale", "SensorNoise", "JPEG", "Inpaint"]
    assert isinstance(steps[0], GaussianBlur) and steps[0].kernel_size == pytest.approx(
        damage.blur.kernel_size, abs=1e-3
    )
    assert isinstance(steps[2], SensorNoise) and steps[2].sigma == pytest.approx(0.03, rel=0.25)
    assert isinstance(steps[4], Inpaint) and steps[4].known is not None
    np.testing.assert_array_equal(steps[4].known[0, 0].numpy() == 0, damage.hidden)


def test_the_operator_does_to_the_whole_photo_what_was_done(
    damage: Damage, whole: Image.Image, print_of_it: tuple[np.ndarray, dict[int, list[int]]]
) -> None:
    """Where no scratch is: nearer to the photo than the noise that was added, and a little."""
    again = to_degradation(damage)(to_tensor(whole)[None])[0]
    error = (again - to_tensor(Image.fromarray(print_of_it[0])))[:, ~damage.hidden]
    assert error.std().item() / 2 < 1.1 * 0.03


def test_only_what_was_found_becomes_a_step(damage: Damage) -> None:
    colourful = replace(damage, colour=replace(damage.colour, kind="colour"))
    assert Grayscale() not in to_degradation(colourful).steps
    quiet = replace(damage, noise=replace(damage.noise, sigma=0.001))
    assert not any(isinstance(step, SensorNoise) for step in to_degradation(quiet).steps)


def test_a_smaller_picture_has_shorter_lengths_and_no_compression(damage: Damage) -> None:
    large, small = to_degradation(damage), reduced(to_degradation(damage), 4.0)
    assert isinstance(large.steps[0], GaussianBlur) and isinstance(small.steps[0], GaussianBlur)
    sigma = large.steps[0].sigma
    assert isinstance(sigma, float) and small.steps[0].sigma == pytest.approx(sigma / 4)
    assert [type(step).__name__ for step in small.steps] == [
        "GaussianBlur",
        "Grayscale",
        "SensorNoise",
        "Inpaint",
    ]


def test_the_table_says_what_and_how_sure(damage: Damage, none: Damage) -> None:
    assert [row.what for row in rows(damage)] == [
        "blur",
        "pixels",
        "colour",
        "noise",
        "JPEG",
        "scratches",
        "dust",
        "creases",
        "torn or blanked",
    ]
    assert {row.sure for row in rows(damage)} <= {"sure", "probable", "a guess"}
    assert "quality 80, by tables" in text(damage) and "black-and-white" in text(damage)
    assert all(row.operator == "-" for row in rows(none)) and "sharp enough" in text(none)


@pytest.mark.parametrize("shape", [(1, 1), (8, 200), (40, 40), (300, 3)])
def test_photos_of_any_shape_are_looked_at(shape: tuple[int, int]) -> None:
    found = find_damage(np.full((*shape, 3), 128, dtype=np.uint8))
    assert not found.is_blurred and GaussianBlur not in map(type, to_degradation(found).steps)
    assert found.hidden.shape == shape and not found.is_scratched
