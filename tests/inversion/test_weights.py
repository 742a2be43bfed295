"""The generator that ships: small, complete, and of faces that a detector believes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from inversion.checkpoints.sources import WEIGHTS, embedded
from inversion.faces.landmarks import load_detector
from inversion.generator.statistics import w_statistics
from inversion.images import to_pil
from inversion.model import build

NETS = {"portraits64": ["public domain"], "portraits": ["Lisa DeBruine & Benedict Jones", "© UK Parliament"]}
each = pytest.mark.parametrize("name", NETS)


@each
def test_an_embedded_net_is_small_and_documented(name: str) -> None:
    assert (WEIGHTS / f"{name}.safetensors").stat().st_size < 24 * 2**20
    card = (WEIGHTS / f"{name}.md").read_text()
    assert all(attribution in card for attribution in NETS[name]) and "not evidence of identity" in card


@each
def test_it_carries_discriminator_and_true_statistics(name: str) -> None:
    model = build(embedded(name), torch.device("cpu"))
    assert model.discriminator is not None
    w_avg, w_std = w_statistics(model.generator.mapping)
    assert abs(model.w_std / w_std - 1) < 0.01
    assert (model.w_avg - w_avg).norm() < 0.02 * w_std  # two means over 10,000 codes: sqrt(2) / 100


@each
def test_a_detector_finds_faces_in_its_samples(name: str) -> None:
    model = build(embedded(name), torch.device("cpu"))
    z = torch.randn([20, model.generator.architecture.z_dim], generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        pictures = [
            to_pil(image).resize((256, 256), Image.Resampling.BICUBIC)
            for image in model.generator(z, None, 0.7)
        ]
    found = [len(load_detector()(np.asarray(picture), 0)) > 0 for picture in pictures]
    assert sum(found) >= 18
