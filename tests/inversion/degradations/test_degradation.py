"""Laws of every degradation, over all classes that the package holds."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

import inversion.degradations
from inversion.degradations.auto import Auto
from inversion.degradations.degradation import Degradation
from inversion.images import downsample_area
from tests.conftest import TOLERANCE

CONF = Path(__file__).parents[3] / "conf" / "degradation"
SIDE = 16


def discover() -> Iterator[type[Degradation]]:
    for module in pkgutil.iter_modules(inversion.degradations.__path__):
        members = vars(importlib.import_module(f"inversion.degradations.{module.name}"))
        for kind in members.values():
            is_operator = (
                inspect.isclass(kind) and issubclass(kind, Degradation) and not inspect.isabstract(kind)
            )
            if is_operator and kind.__module__.endswith(f".{module.name}"):
                yield kind


# Auto becomes a Compose before it is bound: tests/inversion/test_inspection.py.
OPERATORS = [kind for kind in discover() if kind is not Auto]
every_operator = pytest.mark.parametrize("kind", OPERATORS, ids=lambda kind: kind.__name__)


def photos(batch: int = 4, side: int = SIDE, dtype: torch.dtype = torch.float64) -> Tensor:
    rng = torch.Generator().manual_seed(5)
    return torch.rand([batch, 3, side, side], generator=rng, dtype=dtype) * 2 - 1


def bound(kind: type[Degradation], batch: int = 4, side: int = SIDE) -> Degradation:
    """The operator with its default settings, as it is for photos that arrive whole."""
    return kind().bind(photos(batch, side), degraded=False)


def test_operators_are_found() -> None:
    assert {kind.__name__ for kind in OPERATORS} >= {"NoDegradation", "GaussianBlur", "Compose", "Scratches"}


@every_operator
def test_there_is_a_yaml_of_the_same_stem(kind: type[Degradation]) -> None:
    assert (CONF / f"{kind.__module__.rpartition('.')[2]}.yaml").is_file()


@every_operator
def test_gradients_are_those_of_finite_differences(kind: type[Degradation]) -> None:
    x = photos(2, 8).requires_grad_(True)
    operator = bound(kind, 2, 8)
    assert torch.autograd.gradcheck(operator, (x,), fast_mode=True)
    assert torch.autograd.gradcheck(lambda x: operator.prediction(x, 4), (x,), fast_mode=True)


@every_operator
def test_every_problem_gets_a_gradient(kind: type[Degradation]) -> None:
    x = photos().requires_grad_(True)
    bound(kind)(x).square().sum().backward()
    assert x.grad is not None
    assert (x.grad.abs().amax(dim=(1, 2, 3)) > 0).all()


@every_operator
def test_batch_equals_singles(kind: type[Degradation]) -> None:
    x, operator = photos(), bound(kind)
    for i in range(len(x)):
        single = kind().bind(x[i : i + 1], degraded=False)
        torch.testing.assert_close(operator(x)[i : i + 1], single(x[i : i + 1]), **TOLERANCE[x.dtype])
        for look in ("prediction", "target"):
            together, alone = getattr(operator, look)(x, 6), getattr(single, look)(x[i : i + 1], 6)
            torch.testing.assert_close(together[i : i + 1], alone, **TOLERANCE[x.dtype])


@every_operator
@pytest.mark.parametrize("resolution", [5, 6, SIDE, 100])
def test_the_true_image_agrees_with_its_own_observation(kind: type[Degradation], resolution: int) -> None:
    x, operator = photos(), bound(kind)
    if type(operator).observe is not Degradation.observe:
        pytest.skip("the camera adds randomness that the operator does not know")
    target = operator.target(operator.observe(x), resolution)
    torch.testing.assert_close(operator.prediction(x, resolution), target, **TOLERANCE[x.dtype])


@every_operator
def test_shape_range_and_precision_are_kept(kind: type[Degradation]) -> None:
    operator = bound(kind)
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        x = photos().to(dtype)
        y = operator(x)
        assert (y.shape, y.dtype) == (x.shape, x.dtype)
        assert y.abs().max() <= 1.01
    assert operator.prediction(photos(), 6).shape == (4, 3, 6, 6)
    assert operator.prediction(photos(), 100).shape == (4, 3, SIDE, SIDE)


@every_operator
def test_the_same_seed_observes_the_same(kind: type[Degradation]) -> None:
    x, operator = photos(), bound(kind)
    first, second = (operator.observe(x, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, second)


@every_operator
def test_binding_returns_a_copy_and_leaves_the_operator_unbound(kind: type[Degradation]) -> None:
    operator = kind()
    assert is_dataclass(operator)
    before = {field.name: getattr(operator, field.name) for field in fields(operator)}
    operator.bind(photos(), degraded=False)
    assert all(getattr(operator, name) is value for name, value in before.items())


@every_operator
def test_a_bound_operator_can_be_bound_again(kind: type[Degradation]) -> None:
    once = bound(kind)
    twice = once.bind(photos(), degraded=False)
    assert torch.equal(once(photos()), twice(photos()))


def smooth(batch: int = 4, seed: int = 8) -> Tensor:
    """Pictures without pixel noise, within the range that a screen can show."""
    rng = torch.Generator().manual_seed(seed)
    coarse = torch.rand([batch, 3, 4, 4], generator=rng, dtype=torch.float64) * 1.4 - 0.7
    return torch.nn.functional.interpolate(coarse, size=(SIDE, SIDE), mode="bilinear")


@every_operator
def test_shrunk_is_the_same_corruption_of_a_shrunk_image(kind: type[Degradation]) -> None:
    x = torch.nn.functional.interpolate(smooth(), size=(64, 64), mode="bicubic")
    operator = kind().bind(x, degraded=False)
    small = operator.shrunk(2)
    if small is None:
        pytest.skip("it has no form for smaller images")
    seen, whole = small.prediction(downsample_area(x, 32), 32), operator.prediction(x, 32)
    seen, whole = (x[..., 3:-3, 3:-3] for x in (seen, whole))  # reflected borders differ by half a pixel
    torch.testing.assert_close(seen, whole, rtol=0, atol=0.02)


@every_operator
def test_a_consistent_image_is_nearer_to_what_the_photo_says(kind: type[Degradation]) -> None:
    truth, restored = smooth(), smooth(seed=9)
    operator = kind().bind(truth, degraded=False)
    observed = operator.observe(truth, torch.Generator().manual_seed(0))
    before = (operator(restored) - observed).square().mean(dim=(1, 2, 3))
    after = (operator(operator.consistent(restored, observed)) - observed).square().mean(dim=(1, 2, 3))
    if kind.consistent is Degradation.consistent:
        assert torch.equal(before, after)
    else:
        assert (after < 0.5 * before).all()


@every_operator
def test_an_image_that_agrees_already_is_left_as_it_is(kind: type[Degradation]) -> None:
    x, operator = smooth(), kind().bind(smooth(), degraded=False)
    torch.testing.assert_close(operator.consistent(x, operator(x)), x, rtol=0, atol=1e-9)


@every_operator
def test_consistency_is_each_problems_own(kind: type[Degradation]) -> None:
    truth, restored = smooth(), smooth(seed=9)
    operator = kind().bind(truth, degraded=False)
    together = operator.consistent(restored, operator(truth))
    assert together.isfinite().all()
    for i in range(len(truth)):
        single = kind().bind(truth[i : i + 1], degraded=False)
        alone = single.consistent(restored[i : i + 1], operator(truth)[i : i + 1])
        torch.testing.assert_close(together[i : i + 1], alone, **TOLERANCE[truth.dtype])
