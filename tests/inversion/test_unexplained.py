"""A short stroke that nobody has found: left out of the operator, filled from the face, drawn, measured."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from inversion import unexplained
from inversion.damage.drawing import UNEXPLAINED
from inversion.degradations import Auto, Compose, GaussianBlur, Grayscale, Inpaint
from inversion.faces.sample import sample_photo
from inversion.images import quantize, read_photo, to_pil, to_tensor
from inversion.inspection import recorded
from inversion.losses.perceptual_loss import PerceptualLoss
from inversion.model import Model
from inversion.observation import observed
from inversion.passes import restore
from inversion.photo import Photo, with_faces
from inversion.photos import Photos
from inversion.record.write import hidden
from inversion.restoration import Problem, Restoration
from inversion.search.hyperparameters import Hyperparameters
from tests.inversion.looked_at_once import looked_at_once

R, S = 32, 256  # px: of the tiny net, and of the finished face
BRIGHT = 0.9


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample portrait in grey, 12 px of white across the left cheek, too short for a scratch."""
    photo = np.array(read_photo(sample_photo()).convert("L"))
    # Paint would have one colour.
    photo[215:221, 265:325] = np.random.default_rng(0).integers(249, 256, (6, 60))
    path = tmp_path_factory.mktemp("arrived") / "stroke.png"
    Image.fromarray(photo).convert("RGB").save(path)
    return path


@pytest.fixture(scope="module", autouse=True)
def found_once() -> Iterator[None]:
    with looked_at_once("inversion.inspection"):
        yield


@lru_cache
def arrived(path: Path, max_size: int | None) -> Photo:
    (photo,) = Photos(degraded=True, mask="auto", max_size=max_size).load_file(path, R)
    return photo


def problem(photo: Photo, auto: Auto | None = None) -> Problem:
    auto = auto or Auto(grayscale=True, noise="none", jpeg="none")
    return Problem(photo, auto, Hyperparameters(steps=2), degraded=True)


def clean(max_size: int | None) -> tuple[Tensor, Tensor]:
    """The same face without the stroke, in grey: [1, 3, R, R], and at its own size."""
    (photo,) = Photos(max_size=max_size).load_file(sample_photo(), R)
    large = photo.image if photo.full is None else to_tensor(photo.full.image)
    return Grayscale()(photo.image[None]), Grayscale()(large[None])


@pytest.fixture
def marks_white(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tiny net with random weights draws no face: all of the photo that is nearly white counts as damage."""

    def white(photo: np.ndarray, drawn: np.ndarray, known: np.ndarray | None = None) -> np.ndarray:
        # No cap, no collar.
        return (photo > BRIGHT) & (abs(np.arange(len(photo)) / len(photo) - 0.5) < 0.12)[:, None]

    monkeypatch.setattr(unexplained, "find_unexplained", white)


@pytest.mark.parametrize("max_size", [None, S])
def test_a_face_that_explains_its_photo_leaves_nothing_out(
    model: Model, path: Path, max_size: int | None
) -> None:
    observation = observed(problem(arrived(path, max_size)), model)
    assert unexplained.without_unexplained(observation, observation.image) is observation


@pytest.mark.parametrize("max_size", [None, S])
def test_what_is_left_out_is_filled_from_the_face(model: Model, path: Path, max_size: int | None) -> None:
    seen = observed(problem(arrived(path, max_size)), model)
    image = seen.image if seen.full is None else seen.full.image
    face, right = clean(max_size)
    where = ((image - right).mean(dim=1, keepdim=True) > 0.2).float()
    after = unexplained.hiding(seen, where)
    assert isinstance(after.operator, Compose)
    assert [type(step) for step in after.operator.steps] == [Grayscale, Inpaint]
    if after.full is None:
        result, given = after.operator.consistent(face, after.image), seen.image
    else:
        result, given = after.full.operator.complete(face, after.full.image), after.full.image
    stroke = where[0, 0] > 0
    assert 0.001 < stroke.float().mean() < 0.1
    before, now = ((x - right)[0, :, stroke].abs().mean() for x in (given, Grayscale()(result)))
    assert now < 0.6 * before  # not less: a face of 32 px is enlarged 8 times
    luma = Grayscale()(result)[0, 0][~stroke]
    torch.testing.assert_close(luma, Grayscale()(given)[0, 0][~stroke], atol=0.02, rtol=0)


def test_a_stroke_beside_a_blurred_face_is_left_out_though_there_is_none_on_it(
    model: Model, tmp_path: Path
) -> None:
    """It is as sharp as nothing else in the photo, so that it is no star of a flag."""
    photo = to_tensor(read_photo(sample_photo()).convert("L").convert("RGB"))[None]
    soft = GaussianBlur(23).bind(photo, False)(photo)
    clean = soft + 0.02 * torch.randn(soft[:, :1].shape, generator=torch.Generator().manual_seed(0))
    (sharp,) = Photos(max_size=S).load_file(sample_photo(), R)
    assert sharp.transform is not None
    (left, top), side = sharp.transform.corners[0], sharp.transform.side
    x, y = round(left + 0.15 * side), round(top + 0.3 * side)  # in the square, beside the face
    spoilt = clean.clone()
    spoilt[..., y : y + 80, x : x + 5] = -0.9
    seen = {}
    for name, image in (("clean", clean), ("spoilt", spoilt)):
        to_pil(quantize(image)[0]).save(tmp_path / f"{name}.png")
        own = problem(arrived(tmp_path / f"{name}.png", S), Auto("23px", True, "none", "none", "none"))
        seen[name] = observed(own, model)
    assert unexplained.without_unexplained(seen["clean"], sharp.image[None]) is seen["clean"]
    found = unexplained.without_unexplained(seen["spoilt"], sharp.image[None]).unexplained
    assert found is not None
    whole = seen["spoilt"].problem.photo.in_photo(found[0, 0].numpy() > 0, (600, 512))
    assert whole[y + 4 : y + 76, x + 1 : x + 4].mean() > 0.9
    rows, columns = whole.nonzero()
    assert x - 20 < columns.min() and columns.max() < x + 25 and y - 20 < rows.min() and rows.max() < y + 100


def test_a_second_look_only_adds_to_what_is_hidden(model: Model, path: Path) -> None:
    before = observed(problem(arrived(path, S)), model)
    first, second = torch.zeros(2, 1, 1, S, S)
    first[..., 100:108, 50:90], second[..., 104:112, 70:99] = 1, 1
    operator = unexplained.hiding(unexplained.hiding(before, first), second).full
    assert operator is not None and isinstance(operator.operator, Compose)
    last = operator.operator.steps[-1]
    assert isinstance(last, Inpaint) and last.known is not None
    torch.testing.assert_close(1 - last.known, torch.maximum(first, second))


@pytest.mark.usefixtures("marks_white")
@pytest.mark.parametrize(
    ("auto", "is_filled"),
    [
        (Auto(grayscale=True), True),
        (Auto(grayscale=True, unexplained=False), False),
        (Auto(grayscale=True, mask="none"), False),
        # a photo that stays as it is
        (Auto(grayscale="none", blur="none", noise="none", jpeg="none"), False),
    ],
)
def test_a_restoration_says_and_shows_what_it_has_left_out(
    model: Model,
    loss: PerceptualLoss,
    path: Path,
    auto: Auto,
    is_filled: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level("INFO"):
        (result,) = restore(model, loss, [problem(arrived(path, S), auto)])
    assert isinstance(result, Restoration)
    assert (result.unexplained is not None) == is_filled
    assert (result.metrics["found_unexplained"] > 0) == is_filled
    assert ("degradation.unexplained=false keeps it" in caplog.text) == is_filled
    pictures = hidden(result)
    drawn = (np.asarray(pictures.get("damage.png", Image.new("RGB", (512, 600)))) == UNEXPLAINED).all(axis=2)
    assert drawn.any() == is_filled
    if not is_filled:
        return
    assert drawn[215:221, 268:322].mean() > 0.9 and drawn.mean() < 0.01
    whole, given = np.asarray(result.in_photo.convert("L"), float), np.asarray(read_photo(path).convert("L"))
    assert (whole[216:220, 270:320] < 245).mean() > 0.9 and given[216:220, 270:320].min() >= 249


@pytest.mark.usefixtures("marks_white")
def test_a_recorded_face_is_put_back_as_the_search_put_it(
    model: Model, loss: PerceptualLoss, path: Path
) -> None:
    """Of a photo that lacks nothing but colours and what the stroke hides: its settings do not tell of that."""
    own = problem(arrived(path, S), Auto("none", True, "none", "none", "none"))
    (result,) = restore(model, loss, [own])
    assert isinstance(result, Restoration)
    again = with_faces([recorded(result.problem.photo, result.image, own.degradation, True, result.metrics)])
    np.testing.assert_array_equal(np.asarray(again), np.asarray(result.in_photo))
    assert np.asarray(again.convert("L"))[216:220, 270:320].mean() < 245


@pytest.mark.usefixtures("marks_white")
def test_each_problem_of_a_pass_has_its_own(model: Model, loss: PerceptualLoss, path: Path) -> None:
    problems = [
        problem(arrived(path, S)),
        problem(Photos(degraded=True, max_size=S).load_file(sample_photo(), R)[0]),
        problem(arrived(path, S), Auto(grayscale=True, noise="none", jpeg="none", unexplained=False)),
    ]
    together = restore(model, loss, problems)
    for one, own in zip(together, problems, strict=True):
        (alone,) = restore(model, loss, [own])
        assert isinstance(one, Restoration) and isinstance(alone, Restoration)
        assert (one.unexplained is None) == (alone.unexplained is None)
        assert one.full is not None and alone.full is not None
        torch.testing.assert_close(one.full, alone.full, atol=1 / 127, rtol=0)  # one level
    filled, _, kept = together
    assert isinstance(filled, Restoration) and isinstance(kept, Restoration)
    assert filled.unexplained is not None and kept.unexplained is None
