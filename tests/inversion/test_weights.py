"""The generator that ships: small, complete, and of faces that a detector believes."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from inversion.checkpoints.sources import WEIGHTS, embedded
from inversion.faces.landmarks import load_detector
from inversion.generator.statistics import w_statistics
from inversion.images import to_pil
from inversion.model import build


def test_the_embedded_net_is_small_and_documented() -> None:
    assert (WEIGHTS / "portraits.safetensors").stat().st_size < 16 * 2**20
    card = (WEIGHTS / "portraits.md").read_text()
    assert "public domain" in card and "not evidence of identity" in card


def test_it_carries_discriminator_and_true_statistics() -> None:
    model = build(embedded("portraits"), torch.device("cpu"))
    assert model.discriminator is not None
    w_avg, w_std = w_statistics(model.generator.mapping)
    assert abs(model.w_std / w_std - 1) < 0.01
    assert (model.w_avg - w_avg).norm() < 0.02 * w_std  # two means over 10,000 codes: sqrt(2) / 100


def test_a_detector_finds_faces_in_its_samples() -> None:
    model = build(embedded("portraits"), torch.device("cpu"))
    z = torch.randn([20, model.generator.architecture.z_dim], generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        pictures = [
            to_pil(image).resize((256, 256), Image.Resampling.BICUBIC)
            for image in model.generator(z, None, 0.7)
        ]
    found = [len(load_detector()(np.asarray(picture), 0)) > 0 for picture in pictures]
    assert sum(found) >= 18
