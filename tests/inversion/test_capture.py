"""Whether a CUDA graph could hold a step, asked without a GPU: everything lies on `meta`, a device without values.

A copy from the host's memory, a value that the host waits for and an index that is a list all end a capture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.utils import instantiate
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from inversion.degradations.degradation import Degradation
from inversion.features.vgg16 import VGG16
from inversion.generator.architecture import Architecture
from inversion.generator.discriminator import Discriminator
from inversion.generator.stylegan2 import Generator
from inversion.losses.discriminator_features import DiscriminatorLoss
from inversion.losses.lpips import LPIPS
from inversion.losses.perceptual_loss import PerceptualLoss
from inversion.presets import composed
from inversion.priors.gaussianized_distance import GaussianizedDistance
from inversion.search.coarse import images_and_terms
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.objective import Objective
from inversion.search.stacked import Stacked
from tests.inversion import random_vgg16

CONF = Path(__file__).resolve().parents[2] / "conf"
META = torch.device("meta")
SIDE = 32
NET = Architecture(SIDE, channel_base=256, channel_max=16, z_dim=16, w_dim=16, mapping_layers=2)
WAITS = ("_local_scalar_dense", "nonzero", "masked_select", "unique", "index.Tensor", "index_put")


class Watched(TorchDispatchMode):
    """Every operation, with the tensors that it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.unfit: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        # A single number of the host's travels with the kernel's arguments.
        copied = [t for t in tensors_in([args, kwargs or {}]) if t.device != META and t.ndim]
        if copied or any(name in str(func) for name in WAITS):
            self.unfit.append(f"{func} of {[tuple(t.shape) for t in copied]}")
        return func(*args, **(kwargs or {}))


def tensors_in(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else []
    return [tensor for part in parts for tensor in tensors_in(part)]


def moved(value: Any) -> Any:
    """The same degradation with its tensors on the device without values."""
    if isinstance(value, Tensor):
        return value.to(META)
    if isinstance(value, (list, tuple)):
        return type(value)(map(moved, value))
    if isinstance(value, Degradation) and is_dataclass(value):
        return replace(value, **{field.name: moved(getattr(value, field.name)) for field in fields(value)})
    return value


def unfit(
    operator: Degradation, loss: PerceptualLoss, prior: Any, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """What a second step does that no graph can hold; in the first, numbers may still move to the device."""
    batch = 2
    synthesis = Generator(NET).to(META).requires_grad_(False).synthesis.prepare(torch.float32)
    settings = [Hyperparameters(reg=0.1)] * batch
    objective = Objective(loss, operator, torch.empty(batch, 3, SIDE, SIDE, device=META), settings, prior)
    ws = torch.empty(batch, NET.num_ws, NET.w_dim, device=META, requires_grad=True)
    noises = [torch.empty(batch, 1, r, r, device=META, requires_grad=True) for r in NET.noise_resolutions]

    def step() -> None:
        _, terms = images_and_terms(synthesis, objective, ws, noises, [False] * batch)
        torch.autograd.grad(torch.stack(list(terms.values())).sum(), [ws, *noises])

    def refuse(*values: Any, **_: Any) -> Any:
        raise AssertionError(f"a tensor is made of the host's numbers {values} in every step")

    step()
    monkeypatch.setattr(torch, "tensor", refuse)
    monkeypatch.setattr(Tensor, "new_tensor", refuse)
    with Watched() as watched:
        step()
    return watched.unfit


def distance(ws: Tensor) -> Tensor:
    return ws.square().mean(dim=(1, 2))


def discriminator_loss(**weights: Any) -> PerceptualLoss:
    network = Discriminator(NET).to(META).requires_grad_(False).prepare(torch.float32)
    return DiscriminatorLoss(**weights).bind(network, META)


def loss_with_all_terms() -> PerceptualLoss:
    return discriminator_loss(identity=0.1, l1=0.1)


def lpips_loss() -> PerceptualLoss:
    random = random_vgg16.tensors()
    heads = tuple(random[f"lin{i}.model.1.weight"].reshape(-1, 1, 1).to(META) for i in range(5))
    return LPIPS(vgg=VGG16(random).to(META), heads=heads)


def degradation(name: str, size: int | None = None) -> Degradation:
    """As its YAML says, bound to a grey picture."""
    config = composed(f"degradation={name}")["degradation"]
    if size is not None:
        config = {**config, "kernel_size": size}
    return instantiate(config).bind(torch.zeros(1, 3, SIDE, SIDE), False)


# Auto becomes a composed one.
@pytest.mark.parametrize(
    "name", [path.stem for path in (CONF / "degradation").glob("*.yaml") if path.stem != "auto"]
)
def test_every_degradation(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert unfit(moved(degradation(name)), discriminator_loss(), distance, monkeypatch) == []


def test_problems_with_kernels_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    operator = Stacked(tuple(moved(degradation("blur", size)) for size in (3, 5)))
    assert unfit(operator, discriminator_loss(), distance, monkeypatch) == []


@pytest.mark.parametrize("loss", [discriminator_loss, loss_with_all_terms, lpips_loss])
def test_every_perceptual_loss(loss: Callable[[], PerceptualLoss], monkeypatch: pytest.MonkeyPatch) -> None:
    assert unfit(moved(degradation("none")), loss(), distance, monkeypatch) == []


def test_the_gaussianized_prior(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = torch.zeros(NET.w_dim, device=META)
    prior = GaussianizedDistance(codes, torch.eye(NET.w_dim, device=META), 1.0)
    assert unfit(moved(degradation("none")), discriminator_loss(), prior, monkeypatch) == []


def test_a_copy_from_the_host_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    table = torch.ones(NET.w_dim)
    found = unfit(
        moved(degradation("none")),
        discriminator_loss(),
        lambda ws: distance(ws * table.to(ws)),
        monkeypatch,
    )
    assert found == [f"aten._to_copy.default of [({NET.w_dim},)]"]
