"""What the search asks of an optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor


class Optimizer(Protocol):
    """Changes the variables of B problems, [B, ...] each, in place; no problem's step depends on another's."""

    @property
    def variables(self) -> Sequence[Tensor]: ...

    def step(self, gradients: Sequence[Tensor], learning_rate: Tensor) -> None:
        """gradients: as the variables. learning_rate: [B], 0 = the problem does not move, its gradient may be NaN."""

    def select(self, rows: Sequence[int], variables: Sequence[Tensor]) -> Optimizer:
        """The optimizer for some of the problems, with their state; variables: theirs, [len(rows), ...]."""

    def restart(self, rows: Sequence[int]) -> None:
        """Clear the state of these problems: a new phase starts, whose gradients are of another kind."""


class MakeOptimizer(Protocol):
    """An optimizer's class, or a function that returns one."""

    def __call__(self, variables: Sequence[Tensor], /) -> Optimizer: ...
