"""Laws of every degradation at the photo's own size."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from inversion.degradations.blur import GaussianBlur
from inversion.degradations.compose import Compose
from inversion.degradations.degradation import Degradation
from inversion.degradations.grayscale import Grayscale
from inversion.degradations.inpaint import Inpaint
from inversion.degradations.jpeg import JPEG
from inversion.degradations.masked import Masked
from inversion.degradations.motion_blur import MotionBlur, convolved, line_kernel
from inversion.degradations.none import NoDegradation
from inversion.degradations.scratches import Scratches
from inversion.degradations.sensor_noise import SensorNoise
from inversion.fullsize.luma import grey, luma_level
from inversion.fullsize.resampling import resized
from inversion.images import quantize
from inversion.metrics.psnr import psnr
from tests.conftest import TOLERANCE
from tests.inversion.degradations.test_degradation import every_operator

SMALL, LARGE = 32, 96
FACTOR = LARGE / SMALL
# dB by which "corrupted at S, brought down" and "brought down, corrupted at R" must at least agree; no entry = exactly
NEARLY = {"GaussianBlur": 48, "MotionBlur": 42, "Downsample": 30, "JPEG": 24, "SensorNoise": 28}


def smooth(side: int, batch: int = 2, seed: int = 8) -> Tensor:
    """Pictures that SMALL pixels can show, within the range of a screen."""
    rng = torch.Generator().manual_seed(seed)
    coarse = torch.rand([batch, 3, 5, 5], generator=rng, dtype=torch.float64) * 1.4 - 0.7
    at_r = torch.nn.functional.interpolate(coarse, size=(SMALL, SMALL), mode="bicubic").clamp(-0.9, 0.9)
    return resized(at_r, side)


def pair(kind: type[Degradation], batch: int = 2) -> tuple[Degradation, Degradation]:
    """The operator with its default settings at R and at S."""
    at_r = kind().bind(smooth(SMALL, batch), degraded=False)
    return at_r, at_r.full_size(smooth(LARGE, batch), FACTOR, degraded=False)


@every_operator
def test_a_photo_of_the_generators_size_is_treated_as_before(kind: type[Degradation]) -> None:
    x, other = smooth(SMALL), smooth(SMALL, seed=9)
    operator = kind().bind(x, degraded=False)
    same = operator.full_size(x, 1.0, degraded=False)
    observed = operator.observe(x, torch.Generator().manual_seed(0))
    assert torch.equal(same.observe(x, torch.Generator().manual_seed(0)), observed)
    small, seen = same.brought_down(observed, SMALL)
    assert small is same and seen is observed
    assert torch.equal(same.complete(other, observed), operator.consistent(other, observed))


@every_operator
def test_corrupted_at_full_size_and_brought_down_is_about_corrupted_at_r(kind: type[Degradation]) -> None:
    x = smooth(LARGE)
    _, large = pair(kind)
    observed = large.observe(x, torch.Generator().manual_seed(0))
    small, seen = large.brought_down(observed, SMALL)
    expected = small(resized(x, SMALL))
    agreement = psnr(small.prediction(seen, SMALL), small.prediction(expected, SMALL)).min()
    assert agreement > NEARLY.get(kind.__name__, 60), agreement


@every_operator
def test_a_perfect_restoration_is_only_enlarged(kind: type[Degradation]) -> None:
    _, large = pair(kind)
    x = smooth(LARGE)
    completed = large.complete(smooth(SMALL), large(x))
    if kind is Grayscale:  # colours follow the luma in windows and are rounded: only the luma is the photo's
        assert torch.equal(luma_level(completed), luma_level(large(x)))
        return
    # grain: Lanczos leaves ripples of a few levels of 255 that count as some
    tolerance = 0.06 if issubclass(kind, Masked) else 1e-6
    torch.testing.assert_close(completed, x, rtol=0, atol=tolerance)


@every_operator
def test_the_completed_photo_agrees_with_what_was_seen(kind: type[Degradation]) -> None:
    _, large = pair(kind)
    observed = large.observe(smooth(LARGE), torch.Generator().manual_seed(0))
    restored = smooth(SMALL, seed=9)
    before = (large(resized(restored, LARGE)) - observed).square().mean(dim=(1, 2, 3))
    after = (large(large.complete(restored, observed)) - observed).square().mean(dim=(1, 2, 3))
    if kind in (NoDegradation, Compose):
        assert (after <= before * 1.001).all()
    else:
        assert (after < 0.5 * before).all()


@every_operator
def test_completion_is_each_problems_own(kind: type[Degradation]) -> None:
    _, large = pair(kind)
    x, restored = smooth(LARGE), smooth(SMALL, seed=9)
    together = large.complete(restored, large(x))
    at_r = kind().bind(smooth(SMALL)[1:], degraded=False)
    alone = at_r.full_size(x[1:], FACTOR, degraded=False).complete(restored[1:], large(x)[1:])
    torch.testing.assert_close(together[1:], alone, **TOLERANCE[x.dtype])


def test_lengths_grow_with_the_photo_and_shrink_back() -> None:
    blur = GaussianBlur(7).bind(smooth(SMALL), False).full_size(smooth(LARGE), FACTOR, False)
    assert blur.kernel_size == 21 and blur.sigma == pytest.approx(1.4 * 3)
    assert blur.reduced(FACTOR).kernel_size == 7
    motion = MotionBlur(4.0).bind(smooth(SMALL), False).full_size(smooth(LARGE), FACTOR, False)
    assert motion.length == 12


def test_colourized_photos_keep_their_luma_to_the_bit_and_their_edges() -> None:
    sharp = smooth(LARGE)
    sharp[..., 40:] = -sharp[..., 40:]  # an edge that SMALL pixels cannot show
    _, large = pair(Grayscale)
    observed = quantize(large(sharp))
    completed = large.complete(resized(sharp, SMALL).clamp(-1, 1), observed)
    assert torch.equal(luma_level(completed), luma_level(observed))
    assert torch.equal(quantize(completed), completed)


def test_known_pixels_stay_and_the_hole_gets_the_grain_around_it() -> None:
    rng = torch.Generator().manual_seed(0)
    grain = 0.05 * torch.randn(2, 1, 128, 128, generator=rng, dtype=torch.float64)
    photo = (resized(smooth(SMALL), 128) + grain).clamp(-1, 1)
    at_r = Inpaint().bind(smooth(SMALL), False)
    large = at_r.full_size(photo, 4.0, False)
    completed = large.complete(smooth(SMALL), large(photo))
    assert large.known is not None
    known = large.known.expand_as(photo) > 0
    assert torch.equal(completed[known], photo[known])
    fine = (completed - resized(smooth(SMALL), 128))[..., 45:83, 45:83]
    assert 0.03 < fine.std() < 0.07


def test_a_mask_at_full_size_keeps_its_fine_edges() -> None:
    mask = torch.ones(1, 1, LARGE, LARGE)
    mask[..., 30:61, 31:58] = 0
    at_r = Inpaint(mask="given").bind(smooth(SMALL), False, torch.ones(1, 1, SMALL, SMALL).tril())
    large = at_r.full_size(smooth(LARGE), FACTOR, False, mask)
    enlarged = at_r.full_size(smooth(LARGE), FACTOR, False)  # without it: that of the search
    assert large.known is not None and enlarged.known is not None
    assert torch.equal(large.known, mask.to(torch.float64))
    assert enlarged.known.shape[1:] == (1, LARGE, LARGE)


def test_black_of_a_hole_does_not_reach_the_search() -> None:
    x = 0 * smooth(LARGE) + 0.5
    large = Inpaint(box=[0.26, 0.26, 0.7, 0.7]).bind(smooth(SMALL), False).full_size(x, FACTOR, False)
    small, seen = large.brought_down(large(x), SMALL)
    known = small.known.expand_as(seen) > 0  # type: ignore[attr-defined]
    torch.testing.assert_close(seen[known], torch.full_like(seen[known], 0.5))
    assert (seen[~known] == -1).all() and 0 < known.double().mean() < 1


def test_a_photos_scratches_are_the_same_strokes_at_any_size() -> None:
    _, large = pair(Scratches)
    at_r, _ = pair(Scratches)
    agree = large.reduced(FACTOR).known == at_r.known  # type: ignore[attr-defined]
    assert agree.double().mean() > 0.95


def test_noise_of_averaged_pixels_is_what_the_search_expects() -> None:
    x = torch.zeros(1, 3, 256, 256)
    noise = SensorNoise(sigma=0.2)
    observed = noise.observe(x, torch.Generator().manual_seed(0))
    small, seen = noise.brought_down(observed, 64)
    assert 2 * small.sigma == pytest.approx(seen.std().item(), rel=0.05)  # type: ignore[attr-defined]


def test_a_file_of_many_pixels_looks_whole_to_the_search() -> None:
    assert isinstance(JPEG().reduced(4.0), NoDegradation)
    assert JPEG().reduced(1.5) == JPEG()


def test_an_old_print_is_completed_at_full_size() -> None:
    print_ = Compose((Grayscale(), GaussianBlur(5), Scratches(strokes=2, width=0.05)))
    at_r = print_.bind(smooth(SMALL), False)
    large = at_r.full_size(smooth(LARGE), FACTOR, False)
    x = smooth(LARGE)
    observed = quantize(large(x))
    small, seen = large.brought_down(observed, SMALL)
    assert isinstance(small, Compose) and seen.shape == (2, 3, SMALL, SMALL)
    completed = large.complete(smooth(SMALL), observed)
    # the print says nothing about colour
    assert (psnr(grey(completed), grey(x)) > 35).all()
    assert (psnr(large(completed), observed) > 45).all()


def test_a_long_line_is_blurred_the_same_by_fourier_transform() -> None:
    x = smooth(LARGE)
    kernel = line_kernel(21.0, 30.0)
    padded = torch.nn.functional.pad(x, [len(kernel) // 2] * 4, mode="reflect")
    expected = torch.nn.functional.conv2d(padded, kernel.expand(3, 1, -1, -1), groups=3)
    torch.testing.assert_close(convolved(padded, kernel), expected, **TOLERANCE[x.dtype])


def drawing(side: int) -> Tensor:
    """A face's worth of sharp edges on a plain backdrop that grows lighter: [1, 3, side, side]."""
    place = torch.linspace(-1, 1, side)
    y, x = torch.meshgrid(place, place, indexing="ij")
    backdrop = 0.4 + 0.1 * x
    head = torch.where(x.square() + y.square() < 0.25, -0.2 + 0.1 * y, backdrop)
    eyes = ((x.abs() - 0.2).square() + (y + 0.1).square() < 0.004) | (
        (x.abs() < 0.15) & ((y - 0.2).abs() < 0.03)
    )
    return torch.where(eyes, -0.8, head)[None, None].repeat(1, 3, 1, 1)


@pytest.mark.parametrize("kind", [GaussianBlur, MotionBlur])
def test_a_blurred_photo_in_8_bits_is_sharpened_at_full_size(kind: type[Degradation]) -> None:
    """Rounding, borders and a restoration that is far off must not come back as stripes."""
    photo = drawing(288)
    operator = kind().bind(resized(photo, 48), False).full_size(photo, 6, False)
    observed = quantize(operator(photo))
    restored = resized(observed, 48)  # knows nothing that the photo does not
    completed = operator.complete(restored, observed)
    assert psnr(completed, photo) > psnr(observed, photo) + 3
    assert psnr(operator(completed), observed) > 45


def test_nothing_is_put_back_into_a_plain_backdrop() -> None:
    photo = drawing(480)
    operator = GaussianBlur().bind(resized(photo, 48), False).full_size(photo, 10, False)
    observed = quantize(operator(photo))
    completed = operator.complete(resized(photo, 48), observed)
    corner = (..., slice(0, 96), slice(0, 96))
    assert (completed[corner] - photo[corner]).abs().max() < 1.5 / 127.5
