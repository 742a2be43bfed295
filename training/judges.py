"""What the generator is trained against. Each judge brings its own augmentation, loss and regularizer.

A judge's `losses` looks once at generated and at real pictures and returns the generator's loss and its own.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inversion.generator.architecture import Architecture
from inversion.generator.discriminator import Discriminator
from training.augment import adapt, augment, diff_augment
from training.projected import ProjectedDiscriminator
from training.together import average_gradients

Terms = dict[str, Tensor]


class PixelJudge:
    """StyleGAN2's discriminator: non-saturating logistic loss, lazy R1, adaptive augmentation.

    Mescheder et al. 2018; Karras et al. 2020, section 3.1; Karras et al. 2020b.
    """

    name = "discriminator"

    def __init__(
        self, architecture: Architecture, settings: Any, learning_rate: float, dtype: torch.dtype
    ) -> None:
        self.network = Discriminator(architecture)
        self.r1_gamma, self.interval = settings.r1_gamma, settings.r1_interval
        self.dtype = dtype
        self.strength = torch.tensor(0.0)  # the probability, where recorded kernels read it
        self.probability = 0.2
        lazy = self.interval / (self.interval + 1)  # the regularizer's step counts as well
        self.learning_rate = learning_rate * lazy
        self.optimizer = torch.optim.Adam(self.network.parameters(), self.learning_rate, (0.0, 0.99**lazy))

    def judge(self, images: Tensor) -> Tensor:
        return self.network(images.contiguous(memory_format=torch.channels_last), dtype=self.dtype)

    def losses(self, fake: Tensor, real: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor, Terms]:
        # Apart: the minibatch statistics of real and generated pictures must not mix.
        fake_logits = self.judge(augment(fake, self.strength, rng))
        real_logits = self.judge(augment(real, self.strength, rng))
        d_loss = F.softplus(fake_logits).mean() + F.softplus(-real_logits).mean()
        r_t = real_logits.detach().sign().mean()
        return F.softplus(-fake_logits).mean(), d_loss, {"d_loss": d_loss.detach(), "r_t": r_t}

    def regularize(self, real: Tensor, rng: torch.Generator) -> Terms:
        """R1, every `interval` steps: the gradient at real pictures should vanish."""
        real = augment(real, self.strength, rng).requires_grad_(True)
        (gradient,) = torch.autograd.grad(self.judge(real).sum(), real, create_graph=True)
        penalty = gradient.square().sum(dim=(1, 2, 3)).mean()
        self.optimizer.zero_grad(set_to_none=True)
        (penalty * (self.r1_gamma / 2 * self.interval)).backward()
        average_gradients(self.network.parameters())
        self.optimizer.step()
        return {"r1": penalty.detach()}

    def adapt(self, means: dict[str, float], shown: int) -> None:
        self.probability = adapt(self.probability, means["r_t"], shown)

    @property
    def probability(self) -> float:
        """Of augmentation."""
        return self._probability

    @probability.setter
    def probability(self, probability: float) -> None:
        self._probability = probability
        self.strength.fill_(probability)


class FeatureJudge:
    """Discriminators on frozen features: hinge loss, DiffAugment, no regularizer. Sauer et al. 2021."""

    name = "features"

    def __init__(self, settings: Any, learning_rate: float, dtype: torch.dtype) -> None:
        self.network = ProjectedDiscriminator(settings.side, settings.width, dtype)
        self.weight = settings.weight
        self.probability = 1.0  # each augmentation always strikes
        self.learning_rate = learning_rate
        self.optimizer = torch.optim.Adam(self.network.parameters(), learning_rate, (0.0, 0.99))

    def losses(self, fake: Tensor, real: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor, Terms]:
        # Apart: batch normalization must not mix real and generated pictures.
        fake_logits = self.network(diff_augment(fake, rng))
        with torch.no_grad():
            real = diff_augment(real, rng)
        real_logits = self.network(real)
        d_loss = F.relu(1 + fake_logits).mean() + F.relu(1 - real_logits).mean()
        return -self.weight * fake_logits.mean(), d_loss, {"f_loss": d_loss.detach()}

    def adapt(self, means: dict[str, float], shown: int) -> None:
        pass


Judge = PixelJudge | FeatureJudge


def place(network: nn.Module, device: torch.device) -> None:
    network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def place_judge(judge: Judge, device: torch.device) -> None:
    """Move all that it needs, frozen parts that are no parameters too."""
    if isinstance(judge, FeatureJudge):
        judge.network.to_device(device)
    else:
        judge.strength = judge.strength.to(device)
    place(judge.network, device)
