"""One operator per problem: each row is treated as if it were alone."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from inversion.degradations.blur import GaussianBlur
from inversion.degradations.compose import Compose
from inversion.degradations.degradation import Degradation
from inversion.degradations.grayscale import Grayscale
from inversion.degradations.inpaint import Inpaint
from inversion.degradations.none import NoDegradation
from inversion.degradations.scratches import Scratches
from inversion.search.stacked import Stacked, alike, select

SETTINGS: list[Degradation] = [
    GaussianBlur(3),
    Inpaint(fraction=0.5),
    GaussianBlur(7),
    Grayscale(),
    GaussianBlur(3),
    NoDegradation(),
    Inpaint(fraction=0.25),
]


@pytest.fixture
def photos() -> Tensor:
    rng = torch.Generator().manual_seed(1)
    return torch.rand([len(SETTINGS), 3, 16, 16], generator=rng, dtype=torch.float64) * 2 - 1


@pytest.fixture
def operators(photos: Tensor) -> tuple[Degradation, ...]:
    return tuple(s.bind(photos[i : i + 1], degraded=False) for i, s in enumerate(SETTINGS))


def test_every_row_equals_its_own_operator(photos: Tensor, operators: tuple[Degradation, ...]) -> None:
    stacked = Stacked(operators)
    for i, operator in enumerate(operators):
        alone = photos[i : i + 1]
        torch.testing.assert_close(stacked(photos)[i : i + 1], operator(alone))
        torch.testing.assert_close(stacked.prediction(photos, 8)[i : i + 1], operator.prediction(alone, 8))
        torch.testing.assert_close(stacked.target(photos, 8)[i : i + 1], operator.target(alone, 8))


def test_gradients_pass_to_every_row(photos: Tensor, operators: tuple[Degradation, ...]) -> None:
    x = photos[:, :, :6, :6].clone().requires_grad_()
    small = Stacked(tuple(s.bind(x[i : i + 1].detach(), degraded=False) for i, s in enumerate(SETTINGS[3:6])))
    assert torch.autograd.gradcheck(small, (x[3:6].detach().requires_grad_(),), fast_mode=True)


def test_selected_rows_keep_their_operators(photos: Tensor, operators: tuple[Degradation, ...]) -> None:
    rows = [5, 1, 2]
    chosen = select(Stacked(operators), rows)
    torch.testing.assert_close(chosen(photos[rows]), Stacked(operators)(photos)[rows])


def test_equal_operators_work_together(photos: Tensor) -> None:
    calls = []

    @dataclass(frozen=True)
    class Counted(Degradation):
        strength: float = 1.0

        def __call__(self, x: Tensor) -> Tensor:
            calls.append(len(x))
            return x * self.strength

    stacked = Stacked((Counted(0.5), Counted(2.0), Counted(0.5), Counted(0.5)))
    torch.testing.assert_close(
        stacked(photos[:4]), photos[:4] * torch.tensor([0.5, 2, 0.5, 0.5])[:, None, None, None]
    )
    assert sorted(calls) == [1, 3]


def test_masks_that_differ_are_not_alike(photos: Tensor) -> None:
    a, b, c = (Inpaint(fraction=f).bind(photos[:1], degraded=False) for f in (0.5, 0.5, 0.25))
    assert alike(a, b) and not alike(a, c) and not alike(a, NoDegradation())


def test_composed_operators_with_masks_of_their_own_are_not_alike(photos: Tensor) -> None:
    """Every photo has scratches of its own, inside a composition, too."""
    composed = Compose((Grayscale(), Compose((Scratches(strokes=2),))))
    a, again, b = (composed.bind(photos[i : i + 1], degraded=False) for i in (0, 0, 1))
    assert alike(a, again) and not alike(a, b)
    both = Stacked((a, b))(photos[:2])
    torch.testing.assert_close(both, torch.cat([a(photos[:1]), b(photos[1:2])]))
