from __future__ import annotations

from pathlib import Path

import dlib
import numpy as np
import pytest
import torch
from PIL import Image

from inversion.errors import CheckpointError
from inversion.faces.landmarks import installed_model, load_detector, load_predictor
from inversion.faces.predictor_file import PREDICTOR_FILE
from inversion.faces.sample import sample_photo
from inversion.features.dlib_descriptor import (
    DESCRIPTOR_FILE,
    FaceDescriptor,
    load_face_descriptor,
)
from inversion.features.dlib_file import read_layers
from inversion.images import read_photo, to_tensor


@pytest.fixture(scope="module")
def descriptor() -> FaceDescriptor:
    return load_face_descriptor(installed_model(DESCRIPTOR_FILE), torch.device("cpu"))


def astronaut() -> Path:
    skimage = pytest.importorskip("skimage")
    path = Path(skimage.__file__).parent / "data" / "astronaut.png"
    if not path.is_file():
        pytest.skip("scikit-image came without its astronaut, and tests download nothing")
    return path


@pytest.fixture(scope="module", params=[sample_photo, astronaut], ids=["grace", "eileen"])
def chip(request: pytest.FixtureRequest) -> np.ndarray:
    """A real face as dlib aligns it: [150, 150, 3], 8 bits."""
    pixels = np.asarray(read_photo(request.param()))
    box = load_detector()(pixels, 1)[0]
    landmarks = load_predictor(installed_model(PREDICTOR_FILE))(pixels, box)
    return np.asarray(dlib.get_face_chip(pixels, landmarks, size=150, padding=0.25))


def test_it_agrees_with_dlibs_own_descriptor(descriptor: FaceDescriptor, chip: np.ndarray) -> None:
    model = dlib.face_recognition_model_v1(str(installed_model(DESCRIPTOR_FILE)))
    theirs = np.array(model.compute_face_descriptor(chip))
    ours = descriptor(to_tensor(Image.fromarray(chip))[None])[0].numpy()
    assert np.linalg.norm(theirs) > 1
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


def test_batch_equals_singles_and_gradients_reach_the_chips(
    descriptor: FaceDescriptor, chip: np.ndarray
) -> None:
    face = to_tensor(Image.fromarray(chip))
    chips = torch.stack([face, face.flip(2)]).requires_grad_(True)
    together = descriptor(chips)
    assert together.shape == (2, 128)
    for i in range(2):
        torch.testing.assert_close(together[i : i + 1], descriptor(chips[i : i + 1]), rtol=1e-4, atol=1e-5)
    (gradient,) = torch.autograd.grad(together[0].square().sum(), chips)
    assert (gradient[0] != 0).any() and (gradient[1] == 0).all()


def test_gradients_are_those_of_finite_differences(chip: np.ndarray) -> None:
    descriptor = FaceDescriptor(read_layers(installed_model(DESCRIPTOR_FILE))).to(dtype=torch.float64)
    face = to_tensor(Image.fromarray(chip))[None].double().requires_grad_(True)
    assert torch.autograd.gradcheck(descriptor, (face,), fast_mode=True, eps=1e-7, atol=1e-5)


def test_another_network_is_refused() -> None:
    layers = read_layers(installed_model(DESCRIPTOR_FILE))
    learned = [i for i, layer in enumerate(layers) if len(layer.params)]
    with pytest.raises(CheckpointError, match="has a layer con_4 with .* Got affine_"):
        FaceDescriptor([layer for i, layer in enumerate(layers) if i != learned[2]])
    with pytest.raises(CheckpointError, match="Got no more layer"):
        FaceDescriptor(layers[: learned[-1]])
    with pytest.raises(CheckpointError, match="another network"):
        FaceDescriptor([*layers, layers[learned[0]]])
