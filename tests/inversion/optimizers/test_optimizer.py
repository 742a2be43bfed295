"""Laws of every built-in optimizer."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from inversion.optimizers.optimizer import Optimizer
from inversion.search import families
from tests.conftest import TOLERANCE

EXACT = TOLERANCE[torch.float64]
every_optimizer = pytest.mark.parametrize("name", families.OPTIMIZERS)


def variables(rows: Sequence[int]) -> list[Tensor]:
    """A latent and a noise map for each of these problems."""
    rng = torch.Generator().manual_seed(0)
    whole = (torch.randn(shape, generator=rng, dtype=torch.float64) for shape in ((3, 2, 4), (3, 1, 4, 4)))
    return [variable[list(rows)] for variable in whole]


def gradients(step: int, rows: Sequence[int]) -> list[Tensor]:
    rng = torch.Generator().manual_seed(10 + step)
    whole = (torch.randn(shape, generator=rng, dtype=torch.float64) for shape in ((3, 2, 4), (3, 1, 4, 4)))
    return [gradient[list(rows)] for gradient in whole]


def rates(rows: Sequence[int]) -> Tensor:
    return torch.tensor([0.1, 0.02, 0.5], dtype=torch.float64)[list(rows)]


def steps(optimizer: Optimizer, numbers: Sequence[int], rows: Sequence[int]) -> None:
    for number in numbers:
        optimizer.step(gradients(number, rows), rates(rows))


@every_optimizer
def test_a_batch_equals_its_single_problems(name: str) -> None:
    together = families.optimizer(name)(variables([0, 1, 2]))
    steps(together, range(3), [0, 1, 2])
    for row in range(3):
        alone = families.optimizer(name)(variables([row]))
        steps(alone, range(3), [row])
        for a, b in zip(alone.variables, together.variables, strict=True):
            torch.testing.assert_close(a, b[row, None], **EXACT)


@every_optimizer
def test_selected_problems_keep_their_state(name: str) -> None:
    whole, rows = families.optimizer(name)(variables([0, 1, 2])), [2, 0]
    steps(whole, range(2), [0, 1, 2])
    part = whole.select(rows, [variable[rows].clone() for variable in whole.variables])
    steps(whole, [2], [0, 1, 2])
    steps(part, [2], rows)
    for a, b in zip(part.variables, whole.variables, strict=True):
        torch.testing.assert_close(a, b[rows], **EXACT)


@every_optimizer
def test_after_a_restart_a_problem_moves_as_if_it_were_new_and_its_neighbours_as_before(name: str) -> None:
    first, neighbour = families.optimizer(name)(variables([0, 1])), families.optimizer(name)(variables([1]))
    steps(first, range(2), [0, 1])
    steps(neighbour, range(2), [1])
    first.restart([0])
    new = families.optimizer(name)([variable[:1].clone() for variable in first.variables])
    steps(first, [2], [0, 1])
    steps(new, [2], [0])
    steps(neighbour, [2], [1])
    for a, b, c in zip(first.variables, new.variables, neighbour.variables, strict=True):
        torch.testing.assert_close(a, torch.cat([b, c]), **EXACT)


@every_optimizer
def test_a_problem_with_learning_rate_zero_does_not_move_even_when_its_gradient_is_nan(name: str) -> None:
    optimizer, before = families.optimizer(name)(variables([0, 1])), variables([0, 1])
    given = gradients(0, [0, 1])
    for gradient in given:
        gradient[0] = torch.nan
    optimizer.step(given, torch.tensor([0.0, 0.1], dtype=torch.float64))
    for after, old in zip(optimizer.variables, before, strict=True):
        assert torch.equal(after[0], old[0])
        assert after[1].isfinite().all() and not torch.equal(after[1], old[1])
