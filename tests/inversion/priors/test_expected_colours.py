"""Colours to expect of a grey face: those of faces like it, else the mean face's."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from inversion.checkpoints.sources import embedded
from inversion.degradations.blur import GaussianBlur
from inversion.degradations.compose import Compose
from inversion.degradations.grayscale import Grayscale
from inversion.degradations.none import NoDegradation
from inversion.fullsize.luma import grey
from inversion.fullsize.transfer import transferred
from inversion.model import build
from inversion.priors.expected_colours import CHROMA_SIDE, FILE, LUMA_SIDE, expected_colours
from inversion.search.aims import hidden_colours
from inversion.search.hyperparameters import Hyperparameters
from training.colours import colour_psnr, examples, fit

FITTED = Hyperparameters(feature_steps=1, colour_prior=0.5)


def chroma(x: Tensor) -> Tensor:
    return x - grey(x)


@pytest.fixture(scope="module")
def faces() -> Tensor:
    """Of the embedded net: [16, 3, 128, 128]."""
    model = build(embedded("portraits"), torch.device("cpu"))
    z = torch.randn([16, model.generator.architecture.z_dim], generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        return model.generator(z, None, 0.7).clamp(-1, 1)


def test_expected_colours_are_nearer_to_a_faces_own_than_the_mean_faces(faces: Tensor) -> None:
    expected = expected_colours()
    found, luma = expected(faces), grey(faces)
    assert found.shape == faces.shape and grey(found).abs().max() < 1e-5
    torch.testing.assert_close(expected(luma), found, atol=1e-4, rtol=0)  # no colour is looked at
    few = expected.of_few_pixels(torch.zeros(1, 1, LUMA_SIDE, LUMA_SIDE) + 9)
    mean = torch.nn.functional.interpolate(few, size=128, mode="bicubic")
    error = (found - chroma(faces))[:, [0, 2]].square().mean()
    assert error < 0.6 * (mean - chroma(faces)[:, [0, 2]]).square().mean()
    assert error < 0.3 * chroma(faces)[:, [0, 2]].square().mean()


def test_what_is_like_no_face_gets_the_mean_faces_colours() -> None:
    expected = expected_colours()
    few = expected.of_few_pixels(torch.full((1, 1, LUMA_SIDE, LUMA_SIDE), 9.0))
    assert torch.equal(few.flatten(), expected.mean_chroma)


def test_the_file_is_small() -> None:
    assert FILE.stat().st_size < 576 * 2**10


def test_only_a_photo_without_colours_gets_an_aim(faces: Tensor) -> None:
    face, blurred = faces[:1], GaussianBlur(3).bind(faces[:1], False)
    for operator in (NoDegradation(), blurred):
        assert hidden_colours(operator, face, face, FITTED) is None
    codes = Hyperparameters(feature_steps=0, colour_prior=0.5)
    assert hidden_colours(Grayscale(), grey(face), face, codes) is None
    old_print = Compose((Grayscale(), blurred))
    assert hidden_colours(old_print, old_print(face), face, FITTED) is not None


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_aim_lies_between_the_codes_colours_and_the_expected_ones(faces: Tensor, share: float) -> None:
    face, other = faces[:1], faces[1:2]
    aim = hidden_colours(Grayscale(), grey(face), other, Hyperparameters(feature_steps=1, colour_prior=share))
    assert aim is not None
    expected, luma, seen = expected_colours(), grey(face)[:, :1], grey(other)[:, :1]
    between = chroma(other)
    if share:
        between = transferred(luma, seen, between).lerp(expected(face), share)
        between = expected.settled(expected.paler(between, share), luma)
    torch.testing.assert_close(aim, between, atol=1e-4, rtol=0)


def test_colours_come_back_to_the_photos_borders(faces: Tensor) -> None:
    """Faces drawn four pixels beside the photo's: the error of colour that this makes shrinks to less than a half."""
    photos, drawn, expected = faces[:8], faces[:8].roll(4, dims=-1), expected_colours()

    def error(guess: Tensor) -> float:
        return (guess - chroma(photos))[..., 8:-8].square().mean().item()

    luma = grey(photos)[:, :1]
    moved = transferred(luma, grey(drawn)[:, :1], chroma(drawn))
    assert error(moved) < 0.5 * error(chroma(drawn))
    guess = expected.guess(grey(photos), drawn, 0.5)
    assert grey(guess).abs().max() < 1e-5
    assert error(guess) < error(expected.paler(chroma(drawn).lerp(expected(photos), 0.5), 0.5))
    torch.testing.assert_close(expected.guess(grey(photos[:1]), drawn[:1], 0.5), guess[:1], atol=1e-5, rtol=0)


def test_larger_faces_are_coloured_as_small_ones(faces: Tensor) -> None:
    """Borders are looked at in at most 128 px; colours are enlarged along the photo's own."""
    large = torch.nn.functional.interpolate(faces[:2], size=256, mode="bilinear")
    guess = expected_colours().guess(grey(large), large, 0.5)
    small = expected_colours().guess(grey(faces[:2]), faces[:2], 0.5)
    assert guess.shape == large.shape
    assert (torch.nn.functional.avg_pool2d(guess, 2) - small).square().mean() < 0.02 * small.square().mean()


def test_colours_pale_where_people_differ_in_them(faces: Tensor) -> None:
    """Cheeks keep more than backdrops; hue stays; what nothing is doubted of stays as it is, and grey stays grey."""
    expected, own = expected_colours(), chroma(faces)
    even = torch.tensor([0.2, -0.07, -0.1])[:, None, None].expand(1, 3, 128, 128)
    paler = expected.paler(even, 1.0)
    kept = paler / even
    assert (0 < kept).all() and (kept < 1).all()
    torch.testing.assert_close(kept, kept[:, :1].expand_as(kept), atol=1e-5, rtol=0)
    assert kept[..., 64:80, 44:84].min() > 0.7 > 0.55 > kept[..., :24, :16].max()
    assert (expected.paler(even, 2.0) < paler)[:, 0].all()
    torch.testing.assert_close(expected.paler(own, 0.0), own)
    assert expected.paler(0 * own, 0.0).count_nonzero() == 0
    assert expected.paler(0 * own, 1.0).count_nonzero() == 0


def test_a_face_of_nan_raises_nothing(faces: Tensor) -> None:
    """A search that failed: its fit does not begin."""
    old_print = Compose((Grayscale(), GaussianBlur(3).bind(faces[:1], False)))
    aim = hidden_colours(old_print, old_print(faces[:1]), torch.full_like(faces[:1], torch.nan), FITTED)
    assert aim is not None and aim.isnan().all()


def test_regression_finds_what_luma_says_of_colour() -> None:
    """Pictures of two kinds, bright red ones and dark blue ones, and of neither colour alone."""
    rng = torch.Generator().manual_seed(0)
    bright = (torch.rand(200, 1, 1, 1, generator=rng) > 0.5).float()
    noise = torch.randn(200, 3, 2 * LUMA_SIDE, 2 * LUMA_SIDE, generator=rng)
    tint = torch.tensor([1.0, 0.0, -1.0])[:, None, None] * (2 * bright - 1)
    luma, colours = examples((110 + 60 * bright + 30 * tint + 5 * noise).clamp(0, 255).round().byte())
    fitted = fit(luma[:150], colours[:150])
    guess = fitted.of_few_pixels(luma[150:])
    assert colour_psnr(guess, colours[150:]).min() > 35
    assert colour_psnr(fitted.mean_chroma.view_as(colours[:1]), colours[150:]).max() < 25
    assert (fitted.luma_of_few_pixels(luma[150:]) - luma[150:]).square().mean() < 0.02**2


def test_the_variance_is_that_of_colours_which_luma_does_not_tell() -> None:
    """The upper half's colour follows luma, the lower half's is red or blue at random."""
    rng = torch.Generator().manual_seed(0)
    bright, random = (2 * (torch.rand(200, 1, 1, 1, generator=rng) > 0.5).double() - 1 for _ in range(2))
    luma = 0.5 * bright + 0.1 * torch.randn(200, 1, LUMA_SIDE, LUMA_SIDE, generator=rng).double()
    upper = torch.linspace(1, 0, CHROMA_SIDE).round()[:, None].expand(CHROMA_SIDE, CHROMA_SIDE).double()
    colours = 0.2 * (upper * bright + (1 - upper) * random) * torch.tensor([1.0, -1.0])[:, None, None]
    variance = fit(luma, colours).variance.view(CHROMA_SIDE, CHROMA_SIDE)
    told, untold = variance[: CHROMA_SIDE // 2], variance[CHROMA_SIDE // 2 :]
    assert told.max() < 0.02 * 2 * 0.2**2
    # what is fitted to chance errs by more than the chance itself
    assert 2 * 0.2**2 < untold.min() and untold.max() < 1.5 * 2 * 0.2**2
