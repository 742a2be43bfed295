from __future__ import annotations

from pathlib import Path

import dlib
import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from inversion.errors import ConfigError
from inversion.faces.align import align
from inversion.faces.landmarks import (
    choose_face,
    find_faces,
    installed_model,
    load_predictor,
)
from inversion.faces.predictor_file import PREDICTOR_FILE
from inversion.faces.sample import sample_photo
from inversion.features.dlib_descriptor import DESCRIPTOR_FILE
from inversion.images import read_photo, to_tensor
from inversion.metrics.face_identity import FACE, descriptors, identity_distance


def aligned(path: Path, resolution: int = 64) -> Image.Image:
    photo = read_photo(path)
    return align(photo, choose_face(find_faces(photo)), resolution).image


@pytest.fixture(scope="module")
def grace() -> Image.Image:
    return aligned(sample_photo())


@pytest.fixture(scope="module")
def eileen() -> Image.Image:
    skimage = pytest.importorskip("skimage")
    path = Path(skimage.__file__).parent / "data" / "astronaut.png"
    if not path.is_file():
        pytest.skip("scikit-image came without its astronaut, and tests download nothing")
    return aligned(path)


def batch(*faces: Image.Image) -> Tensor:
    return torch.stack([to_tensor(face) for face in faces])


def test_a_face_is_at_distance_0_from_itself(grace: Image.Image) -> None:
    assert identity_distance(batch(grace), batch(grace)).tolist() == [0]


def test_one_face_can_be_compared_with_many(grace: Image.Image, eileen: Image.Image) -> None:
    faces = batch(grace, eileen, grace)
    assert identity_distance(faces, batch(eileen)).equal(
        identity_distance(faces, batch(eileen, eileen, eileen))
    )


def test_the_descriptor_is_the_one_that_dlib_computes(grace: Image.Image, eileen: Image.Image) -> None:
    network = dlib.face_recognition_model_v1(str(installed_model(DESCRIPTOR_FILE)))
    for face in (grace, eileen):
        pixels = np.asarray(face.resize((256, 256), Image.Resampling.BICUBIC))
        landmarks = load_predictor(installed_model(PREDICTOR_FILE))(pixels, dlib.rectangle(*FACE))
        theirs = np.array(network.compute_face_descriptor(pixels, landmarks))
        np.testing.assert_allclose(descriptors(batch(face))[0], theirs, rtol=0, atol=1e-5)


def test_two_persons_are_further_apart_than_one_in_two_pictures(
    grace: Image.Image, eileen: Image.Image
) -> None:
    mirrored = grace.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    grey = grace.convert("L").convert("RGB")
    soft = grace.filter(ImageFilter.GaussianBlur(0.7))
    same = identity_distance(batch(grace, grace, grace), batch(mirrored, grey, soft))
    other = identity_distance(batch(grace), batch(eileen))
    assert (same < 0.45).all() and other.item() > 0.6


def test_the_descriptor_hardly_depends_on_the_resolution(grace: Image.Image) -> None:
    large = aligned(sample_photo(), 256)
    distance = np.linalg.norm(descriptors(batch(large)) - descriptors(batch(grace)), axis=1)
    assert distance.shape == (1,) and distance[0] < 0.3


def test_a_blurred_face_is_still_measured(grace: Image.Image, eileen: Image.Image) -> None:
    blurred = [face.filter(ImageFilter.GaussianBlur(2)) for face in (grace, eileen)]
    assert np.isfinite(descriptors(batch(*blurred))).all()


def test_pictures_without_a_face_are_nan_and_leave_their_neighbours_alone(grace: Image.Image) -> None:
    rng = np.random.default_rng(0)
    nothing = [
        Image.new("RGB", (64, 64), (128, 128, 128)),
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)),
        Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize((64, 64)),
    ]
    faces = batch(*nothing, grace)
    rows = descriptors(faces)
    assert rows.shape == (4, 128) and np.isnan(rows[:3]).all()
    assert np.array_equal(rows[3], descriptors(batch(grace))[0])
    distance = identity_distance(faces, batch(grace, grace, grace, grace))
    assert distance.shape == (4,) and distance.isnan().tolist() == [True, True, True, False]


def test_a_picture_with_nan_pixels_shows_no_face(grace: Image.Image) -> None:
    spoilt = batch(grace)
    spoilt[0, 0, 0, 0] = float("nan")
    assert np.isnan(descriptors(spoilt)).all()


def test_wrong_shapes_are_refused(grace: Image.Image) -> None:
    with pytest.raises(ConfigError, match=r"\[3, 64, 64\]"):
        descriptors(batch(grace)[0])
    with pytest.raises(ConfigError, match="pairs"):
        identity_distance(batch(grace), batch(grace, grace))
    with pytest.raises(ConfigError, match="pairs"):
        identity_distance(batch(grace), batch(grace.resize((32, 32))))
