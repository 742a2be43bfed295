"""The face to expect behind a photo: the mean of a Gaussian model of faces, given whatever the photo shows."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from inversion.checkpoints.sources import embedded
from inversion.degradations.blur import GaussianBlur
from inversion.degradations.compose import Compose
from inversion.degradations.degradation import Degradation
from inversion.degradations.downsample import Downsample
from inversion.degradations.grayscale import Grayscale
from inversion.degradations.inpaint import Inpaint
from inversion.degradations.jpeg import JPEG
from inversion.degradations.none import NoDegradation
from inversion.fullsize.luma import grey
from inversion.images import downsample_area
from inversion.metrics.psnr import psnr
from inversion.model import build
from inversion.priors.expected_face import (
    CHROMA_SIDE,
    FILE,
    NOISE,
    SIDE,
    expected_face,
    halves,
    picture,
    places,
)
from inversion.search.aims import ExpectedFaces, aim
from inversion.search.framed import Framed
from inversion.search.hyperparameters import Hyperparameters
from training.faces import fit

FITTED = Hyperparameters(feature_steps=1, face_prior=0.75)


@pytest.fixture(scope="module")
def faces() -> Tensor:
    """Of the embedded net: [4, 3, 128, 128]."""
    model = build(embedded("portraits"), torch.device("cpu"))
    z = torch.randn([4, model.generator.architecture.z_dim], generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        return model.generator(z, None, 0.7).clamp(-1, 1)


def told(operator: Degradation, face: Tensor) -> tuple[Tensor, Degradation, Tensor]:
    """The face to expect of what the operator leaves of a face, the bound operator, and what it leaves."""
    bound = operator.bind(face, degraded=False)
    photo = bound.observe(face)
    return expected_face()(bound, photo), bound, photo


@pytest.mark.parametrize(
    ("operator", "count"),
    [
        (Downsample(8), 4),
        (Inpaint(), 4),
        (GaussianBlur(13), 2),
        (JPEG(12), 2),
        (Compose((Downsample(4), JPEG(30))), 2),
    ],
    ids=["downsample", "inpaint", "blur", "jpeg", "compose"],
)
def test_the_expected_face_is_nearer_than_the_mean_face_and_the_photo(
    operator: Degradation, count: int, faces: Tensor
) -> None:
    faces = faces[:count]
    own = downsample_area(faces, SIDE)
    mean = expected_face().pictures()[0]
    nearer = []
    for face, small in zip(faces.split(1), own.split(1), strict=True):
        found, _, photo = told(operator, face)
        assert found.shape == small.shape
        guesses = torch.cat([found, mean, downsample_area(photo, SIDE)])
        values = psnr(guesses, small.expand_as(guesses))
        nearer.append([bool(values[0] > other) for other in values[1:]])
    than_mean, than_photo = zip(*nearer, strict=True)
    assert all(than_mean)
    if isinstance(operator, (Downsample, Inpaint)):  # the others leave much of a face
        assert sum(than_photo) >= 3


@pytest.mark.parametrize("operator", [Downsample(8), Inpaint(fraction=0.3)], ids=["downsample", "inpaint"])
def test_no_other_combination_of_components_is_likelier(operator: Degradation, faces: Tensor) -> None:
    """The mean of a Gaussian is where |y - A(μ + Bc)|² + σ² |c|² is least: the gradient there is 0."""
    expected = expected_face()
    expected = replace(expected, even=expected.even[:20], odd=expected.odd[:20])
    face = downsample_area(faces[:1], SIDE)
    bound = operator.bind(face, degraded=False)
    found = expected(bound, bound(face))
    mean, along = expected.pictures()
    flat = along.flatten(1).double()
    likely = torch.linalg.lstsq(flat.mT, (found - mean).flatten().double()[:, None]).solution[:, 0]

    def slope(at: Tensor) -> Tensor:
        at = at.clone().requires_grad_()
        misfit = (bound(face) - bound(mean + (at.float() @ flat.float()).view_as(mean))).square().sum()
        return torch.autograd.grad(misfit + NOISE * at.square().sum(), at)[0]

    assert slope(likely).norm() < 1e-3 * slope(torch.zeros_like(likely)).norm()


def test_a_mirrored_photo_gets_the_mirrored_face(faces: Tensor) -> None:
    found, bound, photo = told(Downsample(8), faces[:1])
    torch.testing.assert_close(expected_face()(bound, photo.flip(-1)), found.flip(-1), atol=1e-4, rtol=0)


@pytest.mark.parametrize("side", [32, 64, 128, 256])
def test_photos_of_any_size_say_the_same(side: int, faces: Tensor) -> None:
    face = torch.nn.functional.interpolate(faces[:1], size=side, mode="bicubic").clamp(-1, 1)
    found, _, _ = told(Downsample(side / 16), face)
    of_128, _, _ = told(Downsample(8), faces[:1])
    assert found.shape[-1] == min(side, SIDE)
    difference = downsample_area(found, 32) - downsample_area(of_128, 32)
    assert difference.square().mean().sqrt() < 0.03


@pytest.mark.parametrize("operator", [GaussianBlur(), Inpaint()], ids=["blur", "inpaint"])
def test_components_are_corrupted_as_small_as_the_corruption_can_be(
    operator: Degradation, faces: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The face is nearly that of components corrupted at the photo's 512 px: within half a level of 255."""
    face = torch.nn.functional.interpolate(faces[:1], size=512, mode="bicubic").clamp(-1, 1)
    expected = expected_face()
    few = replace(expected, even=expected.even[:40], odd=expected.odd[:40])
    bound = operator.bind(face, degraded=False)
    photo = bound(face)
    kind, sides = type(operator), set()
    whole = kind.prediction

    def watched(self: Degradation, x: Tensor, resolution: int) -> Tensor:
        if len(x) > 1:  # no photo
            sides.add(x.shape[-1])
        return whole(self, x, resolution)

    monkeypatch.setattr(kind, "prediction", watched)
    found = few(bound, photo)
    assert sides == {128}
    monkeypatch.setattr("inversion.priors.expected_face.LARGEST", 512)
    assert (found - few(bound, photo)).square().mean().sqrt() < 0.5 / 127.5
    assert sides == {128, 512}


def test_what_lies_beyond_the_photos_edge_says_nothing(faces: Tensor) -> None:
    inside = torch.ones(1, 1, 128, 128)
    inside[..., :32] = 0
    framed = Framed(Downsample(8).bind(faces[:1], degraded=False), inside)
    photo = framed(faces[:1])
    invented = torch.where(inside > 0, photo, 1.0)
    found = expected_face()(framed, photo)
    assert torch.equal(expected_face()(framed, invented), found)
    assert not torch.allclose(expected_face()(framed.operator, invented), found, atol=0.1)


def test_halves_hold_a_symmetric_face() -> None:
    left = torch.rand(2, 3, SIDE, SIDE // 2, generator=torch.Generator().manual_seed(0))
    face = torch.cat([left, left.flip(-1)], dim=-1)
    torch.testing.assert_close(grey(picture(halves(face, 1), 1)), grey(face), atol=1e-5, rtol=1e-5)
    assert halves(face, -1).abs().max() < 1e-6
    pulled = torch.cat([left, -left.flip(-1)], dim=-1)
    torch.testing.assert_close(grey(picture(halves(pulled, -1), -1)), grey(pulled), atol=1e-5, rtol=1e-5)
    assert halves(pulled, 1).abs().max() < 1e-6


def test_a_fit_has_the_spread_of_what_it_saw(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faces that vary along one even and one odd direction, by 0.3 and 0.1 of it."""
    monkeypatch.setattr("inversion.priors.expected_face.SIDE", 16)
    rng = torch.Generator().manual_seed(0)
    column = torch.linspace(-1, 1, 16).expand(3, 16, 16)
    row, across = column.mT, column
    amounts = torch.randn(60, 2, generator=rng)
    amounts = (amounts - amounts.mean(dim=0)) / amounts.std(dim=0) * torch.tensor([0.3, 0.1])
    seen = 0.2 + torch.einsum("nk,kchw->nchw", amounts, torch.stack([row, across]))
    fitted = fit(seen, count=2, reach=math.inf)
    mean, along = fitted.pictures()
    assert len(fitted.even) == len(fitted.odd) == 1
    assert (mean - 0.2).abs().max() < 0.05
    for found, direction, spread in zip(along, (row, across), (0.3, 0.1), strict=True):
        assert abs((found * direction).sum().abs() / direction.square().sum() / spread - 1) < 0.1


def test_places_are_where_halves_have_their_numbers() -> None:
    """Of a face that is bright, red and blue about one place of its left half: the mean place of each is that one."""
    at, pixels = places()
    middle = torch.arange(SIDE) + 0.5
    spot = torch.exp(-((middle[:, None] - 40) ** 2 + (middle - 12) ** 2) / 30)
    face = spot * torch.tensor([1.0, 0.2, 0.6])[:, None, None]
    sizes = [SIDE * SIDE // 2, *[CHROMA_SIDE * CHROMA_SIDE // 2] * 2]
    parts = halves(face[None], 1)[0].double().split(sizes)
    assert pixels.sum() == 3 * SIDE * SIDE // 2
    for numbers, own in zip(parts, at.split(sizes), strict=True):
        assert (numbers @ own / numbers.sum() - torch.tensor([40, 12])).abs().max() < 0.1


def test_what_few_faces_say_of_places_far_apart_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faces of independent pixels: neighbours keep what they seem to share, the two ends of a column do not."""
    monkeypatch.setattr("inversion.priors.expected_face.SIDE", 16)
    seen = torch.randn(10, 3, 16, 16, generator=torch.Generator().manual_seed(0)) / 3
    column = torch.arange(16) * 8  # of 8 numbers a row, its first
    shared = []
    for reach in (math.inf, 2.0):
        along = fit(seen, count=768, reach=reach).even
        shared.append((along.mT @ along)[column][:, column])
    as_it_is, believed = shared
    torch.testing.assert_close(believed.diagonal(), as_it_is.diagonal(), rtol=1e-3, atol=0)
    torch.testing.assert_close(
        believed[0, 1] / as_it_is[0, 1], torch.tensor(math.exp(-1 / 8)), rtol=1e-2, atol=0
    )
    assert believed[0, 8:].abs().max() < 1e-3 * as_it_is[0, 8:].abs().max()


def test_the_file_is_small() -> None:
    assert FILE.stat().st_size < 3 * 2**20


def test_only_a_photo_that_hides_the_face_gets_one_to_aim_at(faces: Tensor) -> None:
    face = faces[:1]
    small = Downsample(8)
    for operator in (NoDegradation(), Grayscale()):
        assert aim(operator, operator, face, face, FITTED, ExpectedFaces()).face is None
    for idle in ({"feature_steps": 0}, {"face_prior": 0.0}):
        assert aim(small, small, small(face), face, replace(FITTED, **idle), ExpectedFaces()).face is None
    assert aim(small, small, small(face), face, FITTED, ExpectedFaces()).face is not None


def test_problems_of_one_photo_share_the_face_to_expect(
    faces: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def expected(operator: Degradation, observed: Tensor, robust: float) -> Tensor:
        asked.append(operator)
        return expected_face()(operator, observed, robust)

    monkeypatch.setattr("inversion.search.aims.expected_face", lambda: expected)
    shared, photo, other = ExpectedFaces(), *(Downsample(8)(face) for face in faces[:2].split(1))
    found = [
        shared(operator, one)
        for operator, one in (
            (Downsample(8), photo),
            (Downsample(8), photo.clone()),
            (Downsample(8), other),
            (Downsample(4), photo),
            (Framed(Downsample(8), torch.ones(1, 1, 128, 128)), photo),
        )
    ]
    assert len(asked) == 4 and found[0] is found[1]
    assert torch.equal(found[2], expected_face()(Downsample(8), other))


def dusty(photo: Tensor) -> Tensor:
    """With a white spot on each cheek."""
    spoilt, side = photo.clone(), photo.shape[-1]
    for x in (0.35, 0.65):
        row, column, size = round(0.6 * side), round(x * side), round(0.06 * side)
        spoilt[..., row : row + size, column : column + size] = 1.0
    return spoilt


def test_dust_that_nobody_has_marked_moves_a_robust_estimate_by_less(faces: Tensor) -> None:
    blur = GaussianBlur(13).bind(faces[:1], degraded=True)
    for face in faces[:2].split(1):
        photo = blur(face)
        clean = expected_face()(blur, photo)
        plain, robust = (expected_face()(blur, dusty(photo), each) for each in (0.0, 5.0))
        assert (robust - clean).square().mean() < (plain - clean).square().mean() / 4


def test_a_robust_aim_is_not_made_consistent_with_dust(faces: Tensor) -> None:
    blur = GaussianBlur(13).bind(faces[:1], degraded=True)
    photo = blur(faces[:1])

    def aimed(observed: Tensor, robust: float) -> Tensor:
        found = aim(blur, blur, observed, faces[1:2], FITTED, ExpectedFaces(robust)).face
        assert found is not None
        return found

    clean = aimed(photo, 5.0)
    torch.testing.assert_close(clean, aimed(photo, 0.0), atol=0.1, rtol=0)
    off = [(aimed(dusty(photo), robust) - clean).square().mean() for robust in (0.0, 5.0)]
    assert off[1] < off[0] / 4


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_the_aim_lies_between_the_codes_face_and_the_expected_one(faces: Tensor, share: float) -> None:
    small, photo = Downsample(8), Downsample(8)(faces[:1])
    found = [
        aim(small, small, photo, faces[1:2], replace(FITTED, face_prior=each), ExpectedFaces()).face
        for each in (share, 1.0)
    ]
    codes = downsample_area(small.consistent(faces[1:2], photo), SIDE)
    assert found[0] is not None and found[1] is not None
    torch.testing.assert_close(found[0], codes.lerp(found[1], share), atol=1e-4, rtol=0)
    assert not torch.allclose(found[1], codes, atol=0.1)


def test_colours_of_an_old_print_are_those_to_expect_of_a_grey_photo(faces: Tensor) -> None:
    old_print = Compose((Grayscale(), Downsample(4)))
    found = aim(old_print, old_print, old_print(faces[:1]), faces[1:2], FITTED, ExpectedFaces())
    assert found.face is not None and found.chroma is not None
    torch.testing.assert_close(
        found.face - grey(found.face), downsample_area(found.chroma, SIDE), atol=1e-5, rtol=0
    )


def test_a_face_of_nan_raises_nothing(faces: Tensor) -> None:
    """A search that failed: its fit does not begin."""
    for operator in (Downsample(8), Inpaint().bind(faces[:1], degraded=False)):
        broken = torch.full_like(faces[:1], torch.nan)
        found = aim(operator, operator, operator(faces[:1]), broken, FITTED, ExpectedFaces()).face
        assert found is not None and found.isnan().any()
