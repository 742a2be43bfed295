"""A photo as it arrives: what is found in its file is what its face is restored from, and nothing else changes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image

from inversion.damage.damage import SURE
from inversion.damage.motion import Motion
from inversion.degradations import (
    JPEG,
    Auto,
    Compose,
    Downsample,
    GaussianBlur,
    Grayscale,
    Inpaint,
    MotionBlur,
    SensorNoise,
)
from inversion.errors import ConfigError
from inversion.faces.sample import sample_photo
from inversion.images import quantize, read_photo, to_pil, to_tensor
from inversion.inspection import fills_in, found_damage, inspect, resolve, resolved
from inversion.losses.perceptual_loss import PerceptualLoss
from inversion.metrics.psnr import psnr
from inversion.model import Model
from inversion.observation import observed
from inversion.passes import restore
from inversion.photo import Photo
from inversion.photos import Photos, Synthetic
from inversion.record.write import hidden
from inversion.restoration import Problem, Restoration
from inversion.search.hyperparameters import Hyperparameters
from tests.inversion.looked_at_once import looked_at_once

R, S = 32, 256  # px: of the tiny net, and of the finished face
LINE = slice(316, 322)  # columns of the scratch, through the face


@pytest.fixture(scope="module")
def whole() -> Image.Image:
    """The sample portrait, 600 x 704 px, without the flagstaff, in which nothing is to be found."""
    right = read_photo(sample_photo()).crop((160, 0, 512, 600))
    return right.resize((600, 1023), Image.Resampling.LANCZOS).crop((0, 0, 600, 704))


@pytest.fixture(scope="module")
def files(whole: Image.Image, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("arrived")
    image = to_tensor(whole)[None]
    grey = Grayscale()(image)
    scratched = grey.clone()
    scratched[..., LINE] = 0.95
    soft = Grayscale()(GaussianBlur(24.0).bind(image, False)(image))
    pictures = {"whole": image, "scratched": scratched, "soft": soft}
    for name, picture in pictures.items():
        to_pil(quantize(picture)[0]).save(folder / f"{name}.png")
    to_pil(scratched[0]).resize((300, 352)).save(folder / "small.png")
    return {name: folder / f"{name}.png" for name in (*pictures, "small")}


@pytest.fixture(scope="module", autouse=True)
def found_once() -> Iterator[None]:
    with looked_at_once("inversion.inspection"):
        yield


def arrived(path: Path, mask: str | None = "auto", max_size: int | None = S) -> Photo:
    (photo,) = Photos(degraded=True, mask=mask, max_size=max_size).load_file(path, R)
    return photo


looked_at = lru_cache(arrived)


def restored(model: Model, loss: PerceptualLoss, photo: Photo, auto: Auto | None = None) -> Restoration:
    problem = Problem(photo, auto or Auto(), Hyperparameters(steps=2), degraded=True)
    (found,) = restore(model, loss, [problem])
    assert isinstance(found, Restoration), found
    return found


def names(operator: object) -> list[str]:
    assert isinstance(operator, Compose)
    return [type(step).__name__ for step in operator.steps]


@pytest.mark.parametrize("max_size", [None, S])
def test_a_photo_without_damage_stays_as_it_is(
    model: Model, loss: PerceptualLoss, files: dict[str, Path], max_size: int | None
) -> None:
    """Whatever the generator draws: this one has random weights."""
    photo = looked_at(files["whole"], max_size=max_size)
    result = restored(model, loss, photo)
    assert names(result.operator) == []
    given = photo.image if photo.full is None else to_tensor(photo.full.image)
    assert psnr(to_tensor(result.image)[None], given[None]).item() > 60
    np.testing.assert_array_equal(np.asarray(result.in_photo), np.asarray(read_photo(files["whole"])))


def test_a_scratched_print_gets_colours_and_its_scratch_filled(
    model: Model, loss: PerceptualLoss, files: dict[str, Path]
) -> None:
    photo = looked_at(files["scratched"])
    assert photo.mask is not None and photo.full is not None and photo.full.mask is not None
    result = restored(model, loss, photo)
    assert names(result.operator) == ["Grayscale", "Inpaint"]
    assert result.full is not None
    known = photo.full.mask[0] > 253.5 / 255
    before, after = (np.asarray(p.convert("L"), float) for p in (photo.full.image, result.image))
    assert np.abs(before - after)[known.numpy()].max() <= 1
    assert np.abs(before - after)[~known.numpy()].mean() > 20
    assert (result.full.amax(dim=0) - result.full.amin(dim=0)).mean() > 0.01


def test_the_whole_photo_has_no_scratch_left_in_the_face_and_its_own_luma_beside_it(
    model: Model, loss: PerceptualLoss, files: dict[str, Path]
) -> None:
    photo = looked_at(files["scratched"])
    result = restored(model, loss, photo)
    before, after = (
        np.asarray(p.convert("L"), float) for p in (read_photo(files["scratched"]), result.in_photo)
    )
    middle = round(float(np.array(photo.transform.corners)[:, 1].mean())) if photo.transform else 0
    rows = slice(middle - 40, middle + 40)
    assert np.abs(after - before)[rows, 318:320].mean() > 20
    assert np.abs(after - before)[rows, 345:360].max() <= 2


def test_a_soft_print_is_sharpened_by_the_blur_that_is_found(model: Model, files: dict[str, Path]) -> None:
    photo = looked_at(files["soft"])
    seen = observed(Problem(photo, Auto(), degraded=True), model)
    assert names(seen.operator) == ["GaussianBlur", "Grayscale"] and seen.full is not None
    assert isinstance(seen.full.operator, Compose)
    for operator, side in ((seen.operator, R), (seen.full.operator, S)):
        blur = operator.steps[0]  # type: ignore[attr-defined]
        assert isinstance(blur.kernel_size, float)
        assert blur.kernel_size * photo.side / side == pytest.approx(24, rel=0.15)


@pytest.mark.parametrize(
    ("auto", "steps"),
    [
        (Auto(blur="none", grayscale="none"), []),
        (Auto(blur=None, grayscale=False), []),
        (Auto(blur=3, grayscale="none"), [GaussianBlur(3)]),
        (Auto(blur="10%"), [GaussianBlur("10%"), Grayscale()]),
        (Auto(blur="none", grayscale=True, jpeg=30), [Grayscale(), JPEG(30)]),
    ],
)
def test_a_persons_word_wins_over_what_is_found(
    files: dict[str, Path], auto: Auto, steps: list[object]
) -> None:
    assert list(resolve(auto, looked_at(files["soft"])).steps) == steps


@pytest.mark.parametrize("turned", [0.0, 20.0, -35.0])
def test_a_moved_photo_is_sharpened_along_the_line_as_the_face_has_it(
    files: dict[str, Path], turned: float
) -> None:
    photo = looked_at(files["whole"])
    assert photo.damage is not None and photo.transform is not None
    middle, cos, sin = (300, 300), np.cos(np.radians(turned)), np.sin(np.radians(turned))
    square = np.array([(-100, -100), (-100, 100), (100, 100), (100, -100)]) @ ((cos, sin), (-sin, cos))
    corners = tuple((float(x), float(y)) for x, y in square + middle)
    moved = replace(
        photo,
        transform=replace(photo.transform, corners=corners),  # type: ignore[arg-type]
        damage=replace(photo.damage, motion=Motion(24.0, 150.0, 1.0)),
    )
    (step,) = resolve(Auto(), moved).steps
    assert isinstance(step, MotionBlur) and step.length == pytest.approx(24 * R / 200, abs=1e-3)
    line = np.array((np.cos(np.radians(150)), -np.sin(np.radians(150))))  # rows count downwards
    across, down = line @ (square[3] - square[0]), line @ (square[1] - square[0])
    assert step.angle == pytest.approx(np.degrees(np.arctan2(-down, across)) % 180, abs=0.1)


def test_a_given_noise_is_that_of_the_photos_own_pixels(files: dict[str, Path]) -> None:
    photo = looked_at(files["whole"], max_size=None)
    (step,) = resolve(Auto(noise=0.05), photo).steps
    assert isinstance(step, SensorNoise) and 0 < step.sigma < 0.05 * R / photo.side * 2


def test_a_given_mask_is_filled_in_and_none_is_not(
    model: Model, files: dict[str, Path], tmp_path: Path, whole: Image.Image
) -> None:
    mask = np.zeros((whole.height, whole.width), np.uint8)
    mask[:, 200:400] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    given = looked_at(files["whole"], str(tmp_path / "mask.png"))
    seen = observed(Problem(given, Auto(mask=str(tmp_path / "mask.png")), degraded=True), model)
    assert names(seen.operator) == ["Inpaint"] and seen.problem.photo.damage is not None
    assert names(resolved(Auto(mask="none"), looked_at(files["scratched"], "none"))) == ["Grayscale"]


@pytest.mark.parametrize("wrong", [Auto(noise="much"), Auto(jpeg="bad"), Auto(grayscale="perhaps")])
def test_other_words_are_refused_by_name(files: dict[str, Path], wrong: Auto) -> None:
    with pytest.raises(ConfigError, match=r"degradation\.\w+ must be auto.* would work"):
        resolve(wrong, looked_at(files["whole"]))


def test_under_400_px_scratches_are_not_looked_for(
    files: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "inversion.inspection"):
        photo = arrived(files["small"])
    assert photo.mask is None and photo.damage is not None and not photo.damage.is_scratched
    assert "not looked for" in caplog.text and "degradation.mask=FILE" in caplog.text


@pytest.mark.slow  # in make test by tests/inversion/damage/test_main.py
def test_of_a_photo_that_is_turned_upright_the_traces_are_read(whole: Image.Image, tmp_path: Path) -> None:
    """As by python -m inversion.damage: its blocks do not begin at its upper left corner."""
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 3
    whole.crop((0, 0, 595, 699)).save(tmp_path / "turned.jpg", quality=30, exif=turned)
    found = inspect(tmp_path / "turned.jpg", read_photo(tmp_path / "turned.jpg")).compression
    assert (found.quality, found.origin, found.offset) == (30, "traces", (3, 3))


def test_unsure_scratches_are_shown_but_not_filled_in(files: dict[str, Path]) -> None:
    found = looked_at(files["scratched"]).damage
    assert found is not None and fills_in(found)
    unsure = replace(found, scratches=replace(found.scratches, confidence=SURE - 0.01))
    assert unsure.is_scratched and not fills_in(unsure)


def test_the_table_names_every_setting_that_says_otherwise(
    files: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "inversion.inspection"):
        for name in ("scratched", "whole"):
            arrived(files[name])
    for field in Auto.__dataclass_fields__:
        assert f"degradation.{field}=" in caplog.text
    assert "degradation.grayscale=none" in caplog.text and "degradation.grayscale=true" in caplog.text
    assert "the photo stays as it is" in caplog.text


def test_what_is_found_is_recorded(model: Model, loss: PerceptualLoss, files: dict[str, Path]) -> None:
    metrics = restored(model, loss, looked_at(files["soft"])).metrics
    assert metrics["found_grey"] == 1 and metrics["found_blur"] == pytest.approx(24, rel=0.15)
    assert metrics["found_scratched"] == 0 and 0 <= metrics["found_noise"] < 0.01
    assert found_damage(Grayscale(), looked_at(files["soft"])) == {}


def test_a_whole_photo_and_a_synthetic_face_are_refused(model: Model, files: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match=r"Got degraded=false; degraded=true would work"):
        observed(Problem(looked_at(files["whole"]), Auto()), model)
    (face,) = Synthetic(mask="auto").load(model.generator).photos
    with pytest.raises(ConfigError, match=r"Got seed0, which the generator made; input=photo would work"):
        observed(Problem(face, Auto(), degraded=True), model)


def test_it_is_no_step_of_others() -> None:
    with pytest.raises(ConfigError, match="no step of other corruptions"):
        Compose((Auto(), Inpaint())).bind(torch.zeros(1, 3, R, R), degraded=True)


def test_the_record_shows_where_the_photo_is_scratched(
    model: Model, loss: PerceptualLoss, files: dict[str, Path]
) -> None:
    result = restored(model, loss, looked_at(files["scratched"]))
    drawn = np.asarray(hidden(result)["damage.png"], int)
    given = np.asarray(read_photo(files["scratched"]), int)
    assert result.problem.photo.damage is not None
    changed = (drawn != given).any(axis=2)
    np.testing.assert_array_equal(changed, result.problem.photo.damage.hidden)
    assert hidden(restored(model, loss, looked_at(files["whole"]))) == {}


def test_a_face_of_fewer_pixels_than_the_search_is_told_of_them(
    files: dict[str, Path], whole: Image.Image, tmp_path: Path
) -> None:
    """Where the real photo has more of them than the generator draws, its softness is a blur like any other."""
    small = whole.resize((100, 117), Image.Resampling.BOX)
    small.resize(whole.size, Image.Resampling.BICUBIC).save(tmp_path / "enlarged.png")
    photo = arrived(tmp_path / "enlarged.png")
    assert photo.damage is not None and photo.damage.enlargement.factor == pytest.approx(6, rel=0.02)
    fewer = photo.side / 6 / R  # times as many pixels across the face as the search has
    assert fewer > 1 and "Downsample" not in names(resolve(Auto(), photo))
    (step,) = resolve(Auto(enlarged=24), photo).steps
    assert isinstance(step, Downsample) and step.factor == pytest.approx(24 * R / photo.side, abs=1e-3)
    # Not of a factor of 1.000.
    assert names(resolve(Auto(enlarged=1.0002 * photo.side / R), photo)) != ["Downsample"]
    assert resolve(Auto(enlarged="none"), looked_at(files["whole"])).steps == ()
    # Pixels across: fewer than the search has.
    few = replace(looked_at(files["whole"]), transform=None, width=R // 2)
    assert resolve(Auto(enlarged=1), few) == resolve(Auto(enlarged="none"), few)
    assert "Downsample" in names(resolve(Auto(enlarged=2), few))
    assert found_damage(Auto(), photo)["found_enlarged"] == pytest.approx(6, rel=0.02)


def test_a_torn_corner_is_filled_in(model: Model, whole: Image.Image, tmp_path: Path) -> None:
    rows, columns = np.mgrid[: whole.height, : whole.width]
    gone = rows + columns + 6 * np.sin(columns / 7) < 260
    Image.fromarray(np.where(gone[..., None], 120, np.asarray(whole)).astype(np.uint8)).save(
        tmp_path / "torn.png"
    )
    photo = arrived(tmp_path / "torn.png")
    assert photo.hidden is not None and photo.hidden[gone].mean() > 0.95
    assert found_damage(Auto(), photo)["found_torn"] == pytest.approx(100 * gone.mean(), rel=0.3)
