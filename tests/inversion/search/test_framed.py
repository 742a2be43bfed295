"""A face that its photo cuts off: what alignment invented beyond the edge counts nowhere."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from inversion.degradations.blur import GaussianBlur
from inversion.degradations.degradation import Degradation
from inversion.degradations.downsample import Downsample
from inversion.degradations.none import NoDegradation
from inversion.faces.align import Transform
from inversion.faces.sample import sample_photo
from inversion.images import read_photo
from inversion.losses.perceptual_loss import PerceptualLoss
from inversion.model import Model
from inversion.passes import restore
from inversion.photo import Photo
from inversion.photos import Photos, Synthetic
from inversion.restoration import Problem, Restoration
from inversion.search.framed import Framed
from inversion.search.hyperparameters import Hyperparameters


@pytest.fixture
def cut(model: Model) -> Photo:
    """A face of which the right quarter lies beyond the photo's edge."""
    (photo,) = Synthetic().load(model.generator).photos
    side = photo.image.shape[-1]
    corners = ((0.0, 0.0), (0.0, float(side)), (float(side), float(side)), (float(side), 0.0))
    transform = Transform((side * 3 // 4, side), side, corners, (1, 1), (0, 0, side, side), (0, 0, 0, 0))
    return replace(photo, transform=transform)


def invented_anew(photo: Photo) -> Photo:
    inside = photo.inside(photo.image.shape[-1])
    assert inside is not None and inside.mean() == 0.75
    return replace(photo, image=torch.where(inside > 0, photo.image, -0.5 * photo.image))


def found(model: Model, loss: PerceptualLoss, *photos: Photo) -> list[Restoration]:
    settings = Hyperparameters(steps=4, samples=2)
    results = restore(model, loss, [Problem(photo, hyperparameters=settings) for photo in photos])
    assert all(isinstance(result, Restoration) for result in results)
    return results  # type: ignore[return-value]


def test_neither_search_nor_figures_see_what_was_invented(
    model: Model, loss: PerceptualLoss, cut: Photo
) -> None:
    (one,), (other,) = found(model, loss, cut), found(model, loss, invented_anew(cut))
    assert torch.equal(one.ws, other.ws) and one.history == other.history and one.fits == other.fits
    speed = ("seconds", "steps_per_second")
    assert {k: v for k, v in one.metrics.items() if k not in speed} == pytest.approx(
        {k: v for k, v in other.metrics.items() if k not in speed}, nan_ok=True
    )
    whole = replace(cut, transform=None)
    (seen,), (unlike,) = (
        found(model, loss, whole),
        found(model, loss, replace(invented_anew(cut), transform=None)),
    )
    assert not torch.equal(seen.ws, unlike.ws)


def test_a_whole_face_beside_a_cut_one_is_searched_as_alone(
    model: Model, loss: PerceptualLoss, cut: Photo
) -> None:
    whole = replace(cut, transform=None)
    (alone,) = found(model, loss, whole)
    _, beside = found(model, loss, cut, whole)
    torch.testing.assert_close(beside.ws, alone.ws, rtol=0, atol=1e-4)


@pytest.mark.parametrize("operator", [NoDegradation(), GaussianBlur(5.0), Downsample(4)])
def test_every_corruption_is_compared_inside_alone(operator: Degradation) -> None:
    rng = torch.Generator().manual_seed(0)
    x, y = torch.rand(2, 2, 3, 64, 64, generator=rng).mul(2).sub(1)
    inside = torch.ones(1, 1, 64, 64)
    inside[..., :20] = 0
    framed = Framed(operator.bind(x, False), inside)
    for resolution in (64, 16):
        outside = slice(0, 20 * resolution // 64)
        for image in (framed.prediction(x, resolution), framed.target(y, resolution)):
            assert (image[..., outside] == -1).all() and (image[..., 20 * resolution // 64 + 1 :] > -1).any()
    smaller = framed.shrunk(4)
    assert smaller is None or smaller.inside.shape == (1, 1, 16, 16)


def test_a_face_at_the_photos_edge_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    photo = read_photo(sample_photo())
    cut = photo.crop((0, 60, photo.width, photo.height))
    cut.save(tmp_path / "cut.png")
    with caplog.at_level(logging.WARNING):
        loaded = Photos().load_file(tmp_path / "cut.png", 64)[0]
    inside = loaded.inside(64)
    assert inside is not None and "of the face's square lie outside the photo" in caplog.text
    assert Photos().load_file(sample_photo(), 64)[0].inside(64) is None
