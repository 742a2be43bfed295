"""The blur that a photo arrives with is found, whatever the photo shows."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor

from inversion.checkpoints.checkpoint import Checkpoint
from inversion.checkpoints.sources import embedded
from inversion.degradations.blur import GaussianBlur, default_sigma
from inversion.degradations.compose import Compose
from inversion.degradations.degradation import Degradation
from inversion.degradations.grayscale import Grayscale
from inversion.errors import ConfigError
from inversion.faces.sample import sample_photo
from inversion.generator.discriminator import Discriminator
from inversion.generator.stylegan2 import Generator
from inversion.images import quantize, read_photo, to_tensor
from inversion.losses.discriminator_features import DiscriminatorLoss
from inversion.metrics.sharpness import ring_power
from inversion.model import Model, build
from inversion.passes import restore
from inversion.photos import Synthetic
from inversion.restoration import Problem, Restoration
from inversion.search.blind_blur import (
    FaceSpectrum,
    blur_misfit,
    face_spectrum,
    find_kernel_size,
    in_bands,
    resolve_kernel,
    responses,
)
from inversion.search.hyperparameters import Hyperparameters

CPU = torch.device("cpu")
FACE = (120, 50, 420, 350)  # of Grace Hopper's portrait, roughly FFHQ's framing


def scenes(count: int, side: int, seed: int) -> Tensor:
    """Like photos in their spectra alone: amplitude falls as 1 / f (Field 1987), contrast varies."""
    rng = torch.Generator().manual_seed(seed)
    f = torch.fft.fftfreq(side)
    noise = torch.randn([count, 1, side, side], generator=rng, dtype=torch.float64)
    spectrum = torch.fft.fft2(noise) / (f[:, None] ** 2 + f**2).sqrt().clamp(min=1 / side)
    x = torch.fft.ifft2(spectrum).real
    contrast = 0.15 + 0.25 * torch.rand([count, 1, 1, 1], generator=rng, dtype=torch.float64)
    return (x / x.std(dim=(1, 2, 3), keepdim=True) * contrast).clamp(-1, 1).expand(-1, 3, -1, -1)


@cache
def population(side: int) -> FaceSpectrum:
    return FaceSpectrum.of(ring_power(scenes(64, side, seed=0)))


def blurred(x: Tensor, size: float) -> Tensor:
    return quantize(GaussianBlur(size).bind(x, degraded=False)(x))


@pytest.mark.parametrize(
    ("side", "size"), [(64, 3.2), (64, 5.0), (64, 7.7), (64, 12.0), (256, 13.0), (256, 30.0)]
)
def test_the_kernel_is_found_in_photos_that_were_not_in_the_population(side: int, size: float) -> None:
    found = find_kernel_size(blurred(scenes(8, side, seed=1), size), population(side))
    assert ((found / size - 1).abs() < 0.15).all()


def test_a_sharp_photo_has_hardly_any_blur() -> None:
    found = find_kernel_size(quantize(scenes(16, 64, seed=2)), population(64))
    assert found.median() < 2 and found.max() < 5  # what the highest frequencies show is taken for noise


@pytest.mark.parametrize("size", [4.0, 7.0])
def test_noise_is_not_taken_for_detail(size: float) -> None:
    clean = blurred(scenes(8, 64, seed=3), size)
    rng = torch.Generator().manual_seed(4)
    noisy = quantize(clean + 2 / 127.5 * torch.randn(clean.shape, generator=rng, dtype=clean.dtype))
    errors = (find_kernel_size(noisy, population(64)) / size - 1).abs()
    assert errors.median() < 0.15 and errors.max() < 0.4


def test_contrast_and_colour_change_nothing() -> None:
    photo = blurred(scenes(1, 64, seed=5), 5)
    found = find_kernel_size(photo, population(64))
    tint = photo.new_tensor([0.5, 0.4, 0.3])[:, None, None]
    assert find_kernel_size(photo * tint + 0.2, population(64)).item() == pytest.approx(found.item(), rel=0.1)


def test_a_photo_does_not_feel_its_neighbours() -> None:
    photos = torch.cat([blurred(scenes(1, 64, seed=size), size) for size in (3, 5, 8)])
    alone = [find_kernel_size(photo[None], population(64)).item() for photo in photos]
    assert find_kernel_size(photos, population(64)).tolist() == alone


def test_a_response_is_the_power_that_a_blur_leaves() -> None:
    x = scenes(200, 64, seed=6)
    before, after = (ring_power(y).mean(dim=0) for y in (x, GaussianBlur(5).bind(x, False)(x)))
    measured = (after / before)[2:16]  # beyond, leakage from lower frequencies shows
    expected = responses(torch.tensor([5.0]), 64)[0, 2:16]
    assert (10 * (measured / expected).log10()).abs().max() < 0.5


def test_bands_share_out_all_rings() -> None:
    rings = torch.eye(512, dtype=torch.float64)
    weights = in_bands(rings)
    assert ((weights > 0).sum(dim=1) == 1).all()
    torch.testing.assert_close(weights.sum(dim=0), torch.ones(weights.shape[1], dtype=torch.float64))


@pytest.fixture
def model(tiny_generator: Generator, tiny_discriminator: Discriminator) -> Model:
    a, b = tiny_generator, tiny_discriminator
    return build(Checkpoint(a.architecture, a.state_dict(), b.architecture, b.state_dict(), w_std=1.0), CPU)


@pytest.mark.parametrize(
    "given", [GaussianBlur(), GaussianBlur(5), GaussianBlur(5.5, 2.0), Grayscale()], ids=repr
)
def test_what_is_given_stays(model: Model, given: Degradation) -> None:
    assert resolve_kernel(given, torch.zeros(1, 3, 32, 32), False, model) is given


def test_what_cannot_be_found_is_refused(model: Model) -> None:
    photo = torch.zeros(1, 3, 32, 32)
    with pytest.raises(ConfigError, match="arrives blurred. Got degraded=false"):
        resolve_kernel(GaussianBlur("auto"), photo, False, model)
    with pytest.raises(ConfigError, match=r"Got degradation.sigma=2.0; leave it out"):
        resolve_kernel(GaussianBlur("auto", 2.0), photo, True, model)
    composed = Compose((GaussianBlur("auto"), Grayscale()))
    with pytest.raises(ConfigError, match="works for a blur alone"):
        resolve_kernel(composed, photo, True, model).bind(photo, True)


def test_a_photo_is_restored_with_the_kernel_that_it_shows(model: Model) -> None:
    (photo,) = Synthetic().load(model.generator).photos
    photo = replace(photo, image=blurred(photo.image[None], 6)[0])
    problem = Problem(photo, GaussianBlur("auto"), Hyperparameters(steps=2), degraded=True)
    (found,) = restore(model, DiscriminatorLoss().bind(model.discriminator, CPU), [problem])
    assert isinstance(found, Restoration) and found.status == "FINISHED"
    size, sigma = found.metrics["found_kernel_size"], found.metrics["found_sigma"]
    assert 1 <= size <= 8 and sigma == pytest.approx(default_sigma(size), abs=1e-3)
    assert found.operator == GaussianBlur(size, sigma) and found.problem.degradation == GaussianBlur("auto")


def test_the_misfit_is_least_for_the_true_blur_and_sigma_counts_as_well(model: Model) -> None:
    portraits = build(embedded("portraits64"), CPU)
    portrait = to_tensor(read_photo(sample_photo()).crop(FACE).resize((64, 64)))[None]
    photo = blurred(portrait, 6)

    def misfit(*window: float) -> float:
        found = blur_misfit(GaussianBlur(*window).bind(photo, True), photo, portraits)
        assert found is not None
        return found

    assert misfit(6) == min(misfit(size) for size in (3, 4.5, 6, 8, 11)) and 0 <= misfit(6) < 12 < misfit(8)
    assert misfit(6, 4.0) > misfit(6) + 12 and misfit(21, default_sigma(6)) < misfit(21)
    assert blur_misfit(Grayscale(), photo, portraits) is None


@pytest.mark.parametrize(("degraded", "recorded"), [(True, True), (False, False)])
def test_a_photo_that_arrives_blurred_has_the_misfit_of_the_assumed_blur_in_its_record(
    model: Model, degraded: bool, recorded: bool
) -> None:
    (photo,) = Synthetic().load(model.generator).photos
    problem = Problem(photo, GaussianBlur(5), Hyperparameters(steps=2), degraded=degraded)
    (found,) = restore(model, DiscriminatorLoss().bind(model.discriminator, CPU), [problem])
    assert isinstance(found, Restoration) and ("blur_misfit" in found.metrics) is recorded


@pytest.mark.parametrize("size", [3.5, 5.0, 7.5])
def test_the_embedded_generator_knows_how_sharp_faces_are(size: float) -> None:
    faces = face_spectrum(build(embedded("portraits64"), CPU).generator)
    portrait = to_tensor(read_photo(sample_photo()).crop(FACE).resize((64, 64)))[None]
    assert abs(find_kernel_size(blurred(portrait, size), faces).item() / size - 1) < 0.15
