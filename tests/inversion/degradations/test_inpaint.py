from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from inversion.degradations.inpaint import Inpaint, known_pixels, read_mask
from inversion.errors import ConfigError


def photos(batch: int = 2, side: int = 20) -> Tensor:
    return (
        torch.rand(batch, 3, side, side, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2
        - 1
    )


def known_of(operator: Inpaint) -> Tensor:
    assert operator.known is not None
    return operator.known


def blanked(operator: Inpaint) -> list[tuple[int, int, int, int]]:
    """left, top, right, bottom of each photo's unknown pixels, which fill that box."""
    boxes = []
    for known in known_of(operator)[:, 0]:
        rows, columns = torch.nonzero(known == 0, as_tuple=True)
        left, right, top, bottom = (int(f()) for x in (columns, rows) for f in (x.min, x.max))
        box = left, top, right + 1, bottom + 1
        assert len(rows) == (box[2] - box[0]) * (box[3] - box[1])
        boxes.append(box)
    return boxes


@pytest.fixture
def mask_file(tmp_path: Path) -> Path:
    """20x20 px, white in the upper left 5 columns and 4 rows."""
    mask = Image.new("L", (20, 20), 0)
    mask.paste(255, (0, 0, 5, 4))
    mask.save(tmp_path / "mask.png")
    return tmp_path / "mask.png"


@pytest.mark.parametrize("settings", [{}, {"box": [0.1, 0.2, 0.5, 0.9]}], ids=["fraction", "box"])
def test_masked_twice_is_masked_once(settings: dict[str, Any]) -> None:
    operator = Inpaint(**settings).bind(photos(), degraded=False)
    once = operator(photos())
    assert torch.equal(operator(once), once)


def test_blank_pixels_are_black_and_known_ones_untouched() -> None:
    operator = Inpaint().bind(photos(), degraded=False)
    y, known = operator(photos()), known_of(operator).bool().expand_as(photos())
    assert (y[~known] == -1).all()
    assert torch.equal(y[known], photos()[known])


def test_blank_pixels_get_no_gradient_and_known_ones_all_of_it() -> None:
    operator = Inpaint().bind(photos(), degraded=False)
    x = photos().requires_grad_(True)
    operator(x).sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, known_of(operator).expand_as(x))


def test_what_is_behind_the_blank_does_not_matter_not_even_nan() -> None:
    operator = Inpaint().bind(photos(), degraded=False)
    x, other = photos(), photos()
    other[known_of(operator).expand_as(x) == 0] = torch.nan
    for resolution in (20, 7):
        assert torch.equal(operator.prediction(x, resolution), operator.prediction(other, resolution))
    assert torch.equal(operator(x), operator(other))


@pytest.mark.parametrize("side", [20, 32, 64, 65, 128, 256, 1024])
def test_fraction_blanks_the_centre(side: int) -> None:
    ((left, top, right, bottom),) = blanked(Inpaint().bind(torch.zeros(1, 3, side, side), False))
    assert (left, top) == (side - right, side - bottom) == (top, left)
    assert abs((right - left) - 0.4 * side) <= 1


def test_box_is_given_as_fractions() -> None:
    assert blanked(Inpaint(box=[0.1, 0.2, 0.5, 0.9]).bind(photos(), False)) == [(2, 4, 10, 18)]
    assert blanked(Inpaint(box=[0, 0.5, 1, 1]).bind(photos(), True)) == [(0, 10, 20, 20)]


@pytest.mark.parametrize("resolution", [5, 7, 10])
def test_a_coarse_pixel_is_known_only_if_wholly_known(resolution: int) -> None:
    operator = Inpaint(box=[0.3, 0.35, 0.6, 0.7]).bind(photos(), False)
    unknown = torch.nn.functional.interpolate(1 - known_of(operator), size=(resolution,) * 2, mode="area") > 0
    y = operator.prediction(photos().clamp(min=-0.9), resolution)
    assert torch.equal((y == -1).all(dim=1, keepdim=True), unknown.expand(2, -1, -1, -1))


def test_no_black_bleeds_into_the_edge() -> None:
    operator = Inpaint().bind(photos(), False)
    white = torch.ones_like(photos())
    y = operator.prediction(white, 7)
    assert ((y == -1) | (y == 1)).all()
    torch.testing.assert_close(operator.target(operator(white), 7), y)


def test_mask_file_of_the_aligned_size_is_read(mask_file: Path) -> None:
    assert blanked(Inpaint(mask=str(mask_file)).bind(photos(), False)) == [(0, 0, 5, 4)]


def test_aligned_masks_win_over_the_file_and_may_differ_per_photo() -> None:
    masks = torch.ones(2, 1, 20, 20)
    masks[0, :, :4] = 0
    masks[1, :, :, :3] = 0
    operator = Inpaint(mask="not read.png").bind(photos(), False, masks=masks)
    assert blanked(operator) == [(0, 0, 20, 4), (0, 0, 3, 20)]


def test_a_partly_blank_pixel_of_a_resampled_mask_is_not_known() -> None:
    masks = torch.ones(1, 1, 20, 20)
    masks[..., :4] = 0
    masks[..., 4] = 0.98
    assert blanked(Inpaint().bind(photos(), False, masks=masks)) == [(0, 0, 5, 20)]


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_masks_that_leave_nothing_are_refused_with_the_photos_number(value: float) -> None:
    masks = torch.ones(2, 1, 20, 20)
    masks[..., 0] = 0
    masks[1] = value
    with pytest.raises(ConfigError, match="in aligned photo 2 of 2, no pixel is"):
        Inpaint().bind(photos(), False, masks=masks)


def test_masks_of_another_size_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"\[2, 3, 20, 20\]. Got \[2, 1, 10, 10\]"):
        Inpaint().bind(photos(), False, masks=torch.ones(2, 1, 10, 10))


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.2, 40.0, float("nan"), 0.99, 0.01])
def test_impossible_fractions_are_refused(fraction: float) -> None:
    with pytest.raises(ConfigError, match=r"degradation.fraction must be .* Got"):
        Inpaint(fraction=fraction).bind(photos(), False)


@pytest.mark.parametrize(
    "box",
    [
        [0.1, 0.2, 0.3],
        [0.5, 0.1, 0.4, 0.9],
        [0.1, 0.5, 0.4, 0.5],
        [2, 4, 10, 18],
        [-0.1, 0, 1, 1],
        [0, 0, 1, 1],
    ],
)
def test_impossible_boxes_are_refused(box: list[float]) -> None:
    with pytest.raises(ConfigError, match=r"degradation.box must be .* Got"):
        Inpaint(box=box).bind(photos(), False)


def test_nothing_to_inpaint_is_refused() -> None:
    with pytest.raises(ConfigError, match="Nothing to inpaint"):
        Inpaint(fraction=None).bind(photos(), False)


def test_degraded_photos_without_a_blank_are_refused_with_a_hint() -> None:
    with pytest.raises(ConfigError, match=r"Nothing blanked found.*photo 1 of 2; give degradation.box"):
        Inpaint().bind(photos(), degraded=True)


def test_unbound_inpainting_says_what_is_missing() -> None:
    with pytest.raises(ValueError, match="call bind"):
        Inpaint()(photos())


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_masks_of_all_modes_are_read(mask_file: Path, tmp_path: Path, mode: str) -> None:
    Image.open(mask_file).convert(mode).save(tmp_path / "other.png")
    mask = read_mask(tmp_path / "other.png", (20, 20))
    assert mask.mode == "L"
    assert mask.tobytes() == Image.open(mask_file).tobytes()


def test_a_mask_painted_on_a_transparent_layer_is_read(tmp_path: Path) -> None:
    layer = Image.new("RGBA", (20, 20), (255, 255, 255, 0))
    layer.paste((255, 255, 255, 255), (0, 0, 5, 4))
    layer.save(tmp_path / "layer.png")
    assert (known_pixels(read_mask(tmp_path / "layer.png", (20, 20))) == 0).sum() == 20


def test_a_jpeg_masks_noise_is_no_mask(mask_file: Path, tmp_path: Path) -> None:
    Image.open(mask_file).resize((160, 160)).save(tmp_path / "mask.jpg", quality=30)
    mask = read_mask(tmp_path / "mask.jpg", (160, 160))
    assert set(mask.tobytes()) == {0, 255}


def test_a_mask_of_the_wrong_size_is_refused_with_both_sizes(mask_file: Path) -> None:
    with pytest.raises(ConfigError, match="512x600 px. Got .*mask.png with 20x20 px"):
        read_mask(mask_file, (512, 600))


@pytest.mark.parametrize(("level", "word"), [(0, "black"), (255, "white")])
def test_one_coloured_masks_are_refused(tmp_path: Path, level: int, word: str) -> None:
    Image.new("L", (20, 20), level).save(tmp_path / "mask.png")
    with pytest.raises(ConfigError, match=f"all {word}: .* Got .*mask.png"):
        read_mask(tmp_path / "mask.png", (20, 20))


def test_a_missing_mask_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.png"):
        read_mask(tmp_path / "nowhere.png", (20, 20))


def test_consistent_keeps_known_pixels_exactly_and_twice_is_once() -> None:
    operator = Inpaint().bind(photos(), False)
    observed, known = operator(photos()), known_of(operator).bool().expand_as(photos())
    once = operator.consistent(photos().flip(0), observed)
    assert torch.equal(once[known], observed[known])
    torch.testing.assert_close(operator.consistent(once, observed), once, rtol=0, atol=1e-4)


def test_an_offset_is_gone_at_the_seam_and_less_so_behind_it() -> None:
    truth = torch.zeros(1, 3, 64, 64)
    operator = Inpaint().bind(truth, False)
    filled = operator.consistent(truth + 0.4, operator(truth))[0, 0, 32]
    left = 19  # first blank pixel
    assert known_of(operator)[0, 0, 32, left] == 0 and known_of(operator)[0, 0, 32, left - 1] == 1
    assert 0 < filled[left] < 0.2
    middle = filled[left:32]
    assert (middle.diff() >= 0).all() and middle[-1] > 0.3
