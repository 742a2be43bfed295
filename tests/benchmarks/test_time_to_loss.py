"""What both searches are measured by: it falls as a search goes on, and is that of the picture it ends at."""

from __future__ import annotations

from dataclasses import replace

import torch

from benchmarks.random_networks import random_lpips
from benchmarks.time_to_loss import OUR_STEPS, distance, ours
from inversion.checkpoints.sources import embedded
from inversion.model import build
from inversion.photos import Synthetic
from inversion.search.hyperparameters import Hyperparameters

CPU = torch.device("cpu")


def test_a_longer_search_comes_closer_and_the_picture_itself_is_at_zero() -> None:
    model, loss = build(embedded("portraits64"), CPU), random_lpips(CPU, torch.float32)
    (photo,) = Synthetic(seed=3).load(model.generator).photos
    target = photo.image[None]
    settings = Hyperparameters(steps=2, space="w+", learning_rate=0.3)
    short, longer = (ours(model, loss, replace(settings, steps=steps), target) for steps in (2, 15))
    assert 0 < longer.loss < 0.8 * short.loss
    codes = model.w_avg.expand(1, model.generator.architecture.num_ws, -1)
    noises = model.generator.synthesis.noise_constants(1)
    with torch.no_grad():
        drawn = model.generator.synthesis(codes, noises)
    assert distance(model, codes, noises, drawn) == 0


def test_ever_more_steps_are_tried() -> None:
    assert list(OUR_STEPS) == sorted(set(OUR_STEPS))
