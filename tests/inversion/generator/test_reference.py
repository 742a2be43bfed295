"""Our networks against outputs of NVIDIA's own code; see tests/reference/README.md."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from inversion.checkpoints.deduce import (
    check_discriminator,
    check_generator,
    discriminator_architecture,
    generator_architecture,
)
from inversion.generator.discriminator import Discriminator
from inversion.generator.stylegan2 import Generator

REFERENCE = Path(__file__).parents[2] / "reference"
NETS = ("skip", "resnet", "orig", "conditional")
CLAMPS = {"resnet": 1.5}
TOLERANCE = 1e-4  # measured: at most 2.9e-6 on images of up to +-18


def arrays(name: str) -> dict[str, Tensor]:
    with np.load(REFERENCE / f"nvidia_{name}.npz") as file:
        return {key: torch.from_numpy(file[key]) for key in file.files}


def weights(reference: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key[2:]: value for key, value in reference.items() if key.startswith(prefix)}


def generator(reference: dict[str, Tensor], clamp: float | None) -> Generator:
    tensors = weights(reference, "G.")
    architecture = generator_architecture(tensors, clamp)
    check_generator(tensors, architecture)
    net = Generator(architecture).eval().requires_grad_(False)
    net.load_state_dict(tensors)
    return net


def discriminator(reference: dict[str, Tensor], clamp: float | None) -> Discriminator:
    tensors = weights(reference, "D.")
    architecture = discriminator_architecture(tensors, clamp)
    check_discriminator(tensors, architecture)
    net = Discriminator(architecture).eval().requires_grad_(False)
    net.load_state_dict(tensors)
    return net


def same(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", NETS)
def test_mapping_equals_nvidias(name: str) -> None:
    r = arrays(name)
    mapping = generator(r, CLAMPS.get(name)).mapping
    same(mapping(r["z"], r.get("c")), r["ws"])
    same(mapping(r["z"], r.get("c"), truncation_psi=0.6), r["ws_truncated"])


@pytest.mark.parametrize("name", NETS)
def test_synthesis_equals_nvidias(name: str) -> None:
    r = arrays(name)
    synthesis = generator(r, CLAMPS.get(name)).synthesis
    same(synthesis(r["ws_plus"], synthesis.noise_constants(len(r["ws_plus"]))), r["image"])


@pytest.mark.parametrize("name", NETS)
def test_discriminator_equals_nvidias(name: str) -> None:
    r = arrays(name)
    net = discriminator(r, CLAMPS.get(name))
    same(net(r["d_image"], r.get("d_c")), r["d_logits"])


@pytest.mark.parametrize("name", ["resnet", "orig"])
def test_discriminator_features_lead_to_nvidias_logits(name: str) -> None:
    r = arrays(name)
    net = discriminator(r, CLAMPS.get(name))
    features = net.features(r["d_image"])
    assert [tuple(f.shape[1:]) for f in features] == [(6, 8, 8), (6, 4, 4)]
    same(net.b4(features[-1], r["d_image"]), r["d_logits"])


def test_the_clamp_is_reached_so_that_it_is_tested() -> None:
    r = arrays("resnet")
    unclamped = generator(r, None).synthesis
    image = unclamped(r["ws_plus"], unclamped.noise_constants(2))
    assert (image - r["image"]).abs().max() > 0.1


def test_double_precision_agrees_to_more_digits_than_the_tolerance() -> None:
    r = arrays("skip")
    synthesis = generator(r, None).synthesis.double()
    same(synthesis(r["ws_plus"].double(), synthesis.noise_constants(2)).float(), r["image"])
