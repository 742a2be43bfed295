"""The tiny networks as a model to search, with the loss that needs no download."""

from __future__ import annotations

import pytest
import torch

from inversion.checkpoints.checkpoint import Checkpoint
from inversion.generator.discriminator import Discriminator
from inversion.generator.stylegan2 import Generator
from inversion.losses.discriminator_features import DiscriminatorLoss
from inversion.losses.perceptual_loss import PerceptualLoss
from inversion.model import Model, build


@pytest.fixture
def model(tiny_generator: Generator, tiny_discriminator: Discriminator) -> Model:
    g, d = tiny_generator.state_dict(), tiny_discriminator.state_dict()
    a, b = tiny_generator.architecture, tiny_discriminator.architecture
    return build(Checkpoint(a, g, b, d, w_std=1.0), torch.device("cpu"))


@pytest.fixture
def loss(model: Model) -> PerceptualLoss:
    return DiscriminatorLoss().bind(model.discriminator, model.w_avg.device)
