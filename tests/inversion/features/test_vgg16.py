from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from inversion.checkpoints.named_tensors import read_named_tensors
from inversion.errors import CheckpointError
from inversion.features.vgg16 import CHANNELS, VGG16, load_vgg16
from tests.conftest import TOLERANCE
from tests.inversion.random_vgg16 import tensors

REFERENCE = Path(__file__).parents[2] / "reference" / "lpips_formula.npz"


def images(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_taps_are_those_of_the_lpips_packages_trunk() -> None:
    a = np.random.RandomState(1).uniform(-1, 1, (3, 3, 32, 48)).astype(np.float32)
    a[2] = -1
    features = VGG16(tensors())(torch.from_numpy(a))
    ours = np.stack([f[:, :, 1, 1].double().mean(dim=1).numpy() for f in features])
    np.testing.assert_allclose(ours, np.load(REFERENCE)["features"], **TOLERANCE[torch.float32])


def test_five_maps_each_half_the_size_of_the_last() -> None:
    features = VGG16(tensors())(images(2, 3, 32, 16))
    assert [tuple(f.shape) for f in features] == [
        (2, channels, 32 >> i, 16 >> i) for i, channels in enumerate(CHANNELS)
    ]


def test_gradients_reach_images_and_never_weights() -> None:
    weights = {name: tensor.clone().requires_grad_(True) for name, tensor in tensors().items()}
    x = images(1, 3, 16, 16).requires_grad_(True)
    torch.stack([f.square().mean() for f in VGG16(weights)(x)]).sum().backward()
    assert x.grad is not None
    assert (x.grad != 0).any()
    assert all(weight.grad is None for weight in weights.values())


def test_file_with_a_classifier_is_read(tmp_path: Path) -> None:
    torch.save({**tensors(), "classifier.0.weight": torch.zeros(2, 2)}, tmp_path / "vgg.pth")
    x = images(1, 3, 16, 16)
    for ours, direct in zip(load_vgg16(tmp_path / "vgg.pth")(x), VGG16(tensors())(x), strict=True):
        assert torch.equal(ours, direct)


def test_missing_and_misshapen_weights_are_refused_by_name() -> None:
    name = "features.28.bias"
    with pytest.raises(CheckpointError, match=f"lack {name}"):
        VGG16({key: tensor for key, tensor in tensors().items() if key != name})
    with pytest.raises(CheckpointError, match=rf"{name} must be \[512\]. Got \[3\]"):
        VGG16({**tensors(), name: torch.zeros(3)})


def test_images_below_16_px_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Got \[1, 3, 8, 32\]"):
        VGG16(tensors())(images(1, 3, 8, 32))


class Payload:
    ran = False

    def __setstate__(self, state: object) -> None:
        Payload.ran = True


def test_a_file_with_code_is_refused_and_not_run(tmp_path: Path) -> None:
    payload = Payload()
    payload.__dict__["x"] = 1
    torch.save({"features.0.weight": payload}, tmp_path / "hostile.pth")
    with pytest.raises(CheckpointError, match=r"cannot be read. Got .*hostile\.pth"):
        read_named_tensors(tmp_path / "hostile.pth")
    assert not Payload.ran


@pytest.mark.parametrize("content", [b"", b"not weights", b"PK\x03\x04"])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.pth").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"bad\.pth"):
        read_named_tensors(tmp_path / "bad.pth")


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    torch.save([torch.zeros(1)], tmp_path / "list.pth")
    with pytest.raises(CheckpointError, match="should be a dictionary with names as keys. Got list"):
        read_named_tensors(tmp_path / "list.pth")
