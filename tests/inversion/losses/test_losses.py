"""Laws of every perceptual loss, over all classes that the package holds."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import inversion.losses
from inversion.generator.discriminator import Discriminator
from inversion.losses.lpips import LPIPS
from inversion.losses.perceptual_loss import PerceptualLoss
from tests.conftest import TOLERANCE
from tests.inversion.random_vgg16 import tensors

CONF = Path(__file__).parents[3] / "conf" / "loss"
CPU = torch.device("cpu")
SIDE = 32


def discover() -> Iterator[type[Any]]:
    for module in pkgutil.iter_modules(inversion.losses.__path__):
        for kind in vars(importlib.import_module(f"inversion.losses.{module.name}")).values():
            is_loss = (
                inspect.isclass(kind) and issubclass(kind, PerceptualLoss) and not inspect.isabstract(kind)
            )
            if is_loss and kind.__module__.endswith(f".{module.name}"):
                yield kind


LOSSES = list(discover())


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    path = tmp_path_factory.mktemp("weights") / "both.pth"
    torch.save(tensors(), path)
    return {"vgg_path": str(path), "heads_path": str(path)}


@pytest.fixture(params=LOSSES, ids=lambda kind: kind.__name__)
def loss(request: pytest.FixtureRequest, tiny_discriminator: Discriminator, weights: dict[str, Any]) -> Any:
    """Every loss, bound, in float64."""
    if request.param is not LPIPS:
        return request.param().bind(tiny_discriminator.double(), CPU)
    loss = LPIPS(**weights).bind(None, CPU)
    assert loss.vgg is not None
    return replace(
        loss, vgg=loss.vgg.to(dtype=torch.float64), heads=tuple(head.double() for head in loss.heads)
    )


def images(seed: int, batch: int = 3) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.rand(batch, 3, SIDE, SIDE, generator=rng, dtype=torch.float64) * 2 - 1


def distance(loss: Any, a: Tensor, b: Tensor) -> Tensor:
    with torch.no_grad():
        target = loss.features(b)
    return loss(loss.features(a), target)


def test_losses_are_found() -> None:
    assert {kind.__name__ for kind in LOSSES} >= {"PixelLoss", "LPIPS", "DiscriminatorLoss"}


@pytest.mark.parametrize("kind", LOSSES, ids=lambda kind: kind.__name__)
def test_there_is_a_yaml_that_builds_it(kind: type[Any]) -> None:
    target = f"{kind.__module__}.{kind.__name__}"
    schema = Path(CONF.parent, "schema.py").read_text()
    assert (CONF / f"{kind.name}.yaml").is_file()
    assert target in (CONF / f"{kind.name}.yaml").read_text() or target in schema


def test_one_value_per_problem_zero_only_for_equal_images(loss: Any) -> None:
    a, b = images(0), images(1)
    b[1] = a[1]
    values = distance(loss, a, b)
    assert values.shape == (3,)
    assert values[1] == 0
    assert (values[[0, 2]] > 1e-6).all()


def test_batch_equals_singles(loss: Any) -> None:
    a, b = images(0), images(1)
    singles = [distance(loss, a[i : i + 1], b[i : i + 1]) for i in range(len(a))]
    torch.testing.assert_close(distance(loss, a, b), torch.cat(singles), **TOLERANCE[torch.float64])


def test_gradients_are_those_of_finite_differences(loss: Any) -> None:
    a, b = images(0, 2).requires_grad_(True), images(1, 2)
    assert torch.autograd.gradcheck(lambda a: distance(loss, a, b), (a,), fast_mode=True, eps=1e-7, atol=1e-6)
    distance(loss, a, b).sum().backward()
    assert a.grad is not None
    assert (a.grad.abs().amax(dim=(1, 2, 3)) > 0).all()


def test_gradients_are_finite_for_blank_images(loss: Any) -> None:
    a = torch.full((1, 3, SIDE, SIDE), -1.0, dtype=torch.float64, requires_grad=True)
    for b in (images(1, 1), a.detach()):
        (gradient,) = torch.autograd.grad(distance(loss, a, b).sum(), a)
        assert gradient.isfinite().all()


def test_a_worse_image_has_a_greater_loss(loss: Any) -> None:
    clean, noise = images(0) * 0.5, images(1)
    values = [distance(loss, clean + strength * noise, clean) for strength in (0.01, 0.05, 0.2, 0.5)]
    for better, worse in zip(values, values[1:], strict=False):
        assert (better < worse).all()


def test_weight_scales_the_loss(loss: Any) -> None:
    a, b = images(0), images(1)
    heavy = replace(loss, weight=3 * loss.weight)
    torch.testing.assert_close(distance(heavy, a, b), 3 * distance(loss, a, b), **TOLERANCE[torch.float64])


def test_nan_in_one_problem_stays_there(loss: Any) -> None:
    a, b = images(0), images(1)
    clean = distance(loss, a, b)
    a[1, 0, 0, 0] = torch.nan
    hurt = distance(loss, a, b)
    assert hurt.isnan().tolist() == [False, True, False]
    torch.testing.assert_close(hurt[[0, 2]], clean[[0, 2]], **TOLERANCE[torch.float64])


def test_it_says_how_large_an_image_it_looks_at(loss: Any) -> None:
    assert isinstance(loss.resolution, int)
    assert loss.resolution >= SIDE
