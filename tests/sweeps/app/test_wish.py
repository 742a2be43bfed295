"""What a person asks for becomes a command line that composes."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inversion.errors import ConfigError
from inversion.presets import composed
from sweeps.app.uploads import Upload
from sweeps.app.wish import DAMAGES, Wish, reg_for

ASKED: dict[str, Any] = {
    "face": 1,
    "damage": "blur",
    "blur": None,
    "pixels": 16,
    "likeness": 0.5,
    "alternatives": 1,
}


def settings(upload: Upload, *before: str, **asked: Any) -> dict[str, Any]:
    words, steps = Wish.of({**ASKED, **asked}).words(upload, before, 128)
    found = composed(*words)
    assert steps == all_steps(found)
    return found


def all_steps(found: dict[str, Any]) -> int:
    return sum(int(found[name]) for name in ("steps", "feature_steps", "tuning_steps"))


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_damage_composes_and_the_knobs_middle_is_its_preset(
    upload: Callable[..., Upload], damage: str
) -> None:
    found = settings(upload(), damage=damage)
    assert found["image"].endswith("me (1).jpg") and found["align"]["face"] == 1
    assert found["reg"] == pytest.approx(composed(*DAMAGES[damage])["reg"])
    assert found["degraded"] is (damage != "nothing")
    assert found["tracking"]["image_every"] == all_steps(found) // 16


def test_the_pages_own_settings_hold_for_every_wish(upload: Callable[..., Upload]) -> None:
    found = settings(upload(), "generator=portraits64", "steps=7", "tracking=none")
    assert found["steps"] == 7 and found["tracking"]["uri"] is None
    assert found["generator"]["_target_"] != settings(upload())["generator"]["_target_"] or (
        found["generator"] != settings(upload())["generator"]
    )


def test_a_blur_is_found_or_is_a_share_of_the_face(upload: Callable[..., Upload]) -> None:
    assert settings(upload())["degradation"]["kernel_size"] == "auto"
    assert settings(upload(), blur=10)["degradation"]["kernel_size"] == "10%"


@pytest.mark.parametrize(("pixels", "factor"), [(16, 8), (4, 32), (1, 32), (64, 2), (500, 2), (20, 6.4)])
def test_few_pixels_are_a_factor_that_the_operator_takes(
    upload: Callable[..., Upload], pixels: float, factor: float
) -> None:
    assert settings(upload(), damage="small", pixels=pixels)["degradation"]["factor"] == factor


def test_a_mask_is_named_where_there_is_one(upload: Callable[..., Upload]) -> None:
    given = upload()
    assert settings(given, damage="missing")["degradation"]["mask"] is None
    Image.new("L", (4, 4), 255).save(given.folder / "mask.png")
    mask = Path(settings(given, damage="missing")["degradation"]["mask"])
    assert mask.read_bytes() == (given.folder / "mask.png").read_bytes()
    assert settings(given, damage="grey")["input"]["mask"] is None


@pytest.mark.parametrize(
    ("said", "setting", "value"),
    [
        ({}, "blur", "auto"),
        ({"blur": 0}, "blur", "none"),
        ({"blur": 7.5}, "blur", "6px"),
        ({"blur": 7.5, "face": 0}, "blur", "12px"),
        ({"colour": "grey"}, "grayscale", True),
        ({"colour": "colour"}, "grayscale", "none"),
        ({"enlarged": 3.6}, "enlarged", 3.6),
        ({"enlarged": 1}, "enlarged", "none"),
        ({"noise": 5}, "noise", 0.05),
        ({"noise": 0}, "noise", "none"),
        ({"fill": True}, "mask", "auto"),
        ({"fill": False}, "mask", "none"),
    ],
)
def test_what_was_found_is_corrected_where_somebody_says_otherwise(
    upload: Callable[..., Upload], said: dict[str, Any], setting: str, value: object
) -> None:
    found = dict(settings(upload(), damage="auto", **said)["degradation"])
    usual = dict(settings(upload(), damage="auto")["degradation"])
    assert found.pop(setting) == value
    usual.pop(setting)
    assert found == usual


def test_what_was_found_to_be_hidden_and_what_is_painted_are_filled_in_together(
    upload: Callable[..., Upload],
) -> None:
    given = upload()
    for name, column in (("mask.png", 0), ("hidden.png", 3)):
        mask = np.zeros((4, 4), dtype=np.uint8)
        mask[:, column] = 255
        Image.fromarray(mask).save(given.folder / name)
    for fill, columns in ((True, [0, 3]), (False, [0])):
        path = Path(settings(given, damage="auto", fill=fill)["degradation"]["mask"])
        with Image.open(path) as together:
            assert np.flatnonzero(np.asarray(together)[0]).tolist() == columns
    (given.folder / "mask.png").unlink()
    assert settings(given, damage="auto")["degradation"]["mask"] == "auto"


def test_all_faces_are_restored_together(upload: Callable[..., Upload]) -> None:
    assert settings(upload(), face="all")["align"]["face"] == "all"
    assert settings(upload(is_aligned=True), face="all")["align"] is False


def test_a_search_that_waits_keeps_its_mask(upload: Callable[..., Upload]) -> None:
    given, masks = upload(), []
    for grey in (255, 128):
        Image.new("L", (4, 4), grey).save(given.folder / "mask.png")
        masks.append(Path(settings(given, damage="missing")["degradation"]["mask"]))
    (given.folder / "mask.png").unlink()
    assert [np.asarray(Image.open(mask)).max() for mask in masks] == [255, 128]


def test_a_photo_that_is_all_face_is_not_aligned_again(upload: Callable[..., Upload]) -> None:
    assert settings(upload(is_aligned=True))["align"] is False


def test_the_knob_works_by_orders_of_magnitude() -> None:
    assert [reg_for(k, 2.0) for k in (0, 0.5, 1)] == pytest.approx([0.2, 2.0, 20.0])
    steps = [math.log(reg_for((k + 1) / 10, 2.0) / reg_for(k / 10, 2.0)) for k in range(10)]
    assert steps == pytest.approx([steps[0]] * 10)


@pytest.mark.parametrize(
    "wrong",
    [
        {"damage": "everything"},
        {"damage": None},
        {"face": -1},
        {"face": "0; rm -rf"},
        {"face": True},
        {"likeness": 1.5},
        {"likeness": float("nan")},
        {"blur": "auto,7"},
        {"pixels": 0},
        {"pixels": 10**400},
        {"damage": ["blur"]},
        {"colour": "sepia"},
        {"noise": -1},
        {"alternatives": 1000},
    ],
)
def test_what_no_page_of_ours_sends_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(wrong))} must be"):
        Wish.of({**ASKED, **wrong})
