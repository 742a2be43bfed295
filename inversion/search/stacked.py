"""One degradation per problem of a batch, for sweeps whose problems differ in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property

import torch
from torch import Tensor

from inversion.degradations.degradation import Degradation


@dataclass(frozen=True)
class Stacked(Degradation):
    """Apply each problem's own operator to its row of the batch; equal operators once, to all their rows together."""

    operators: tuple[Degradation, ...]  # [B], each bound to its problem's photo [1, 3, R, R]

    def __call__(self, x: Tensor) -> Tensor:
        return self._each(lambda operator, rows: operator(rows), x)

    def prediction(self, x: Tensor, resolution: int) -> Tensor:
        return self._each(lambda operator, rows: operator.prediction(rows, resolution), x)

    def target(self, observed: Tensor, resolution: int) -> Tensor:
        return self._each(lambda operator, rows: operator.target(rows, resolution), observed)

    def shrunk(self, factor: int) -> Stacked | None:
        operators = [operator.shrunk(factor) for operator in self.operators]
        return None if None in operators else Stacked(tuple(filter(None, operators)))

    def _each(self, apply: Callable[[Degradation, Tensor], Tensor], x: Tensor) -> Tensor:
        if len(self._groups) == 1:
            return apply(self.operators[0], x)
        order, inverse = self._orders(x.device)
        parts = x.index_select(0, order).split([len(rows) for rows in self._groups])
        done = [apply(self.operators[rows[0]], part) for rows, part in zip(self._groups, parts, strict=True)]
        return torch.cat(done).index_select(0, inverse)

    def _orders(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """The rows sorted by operator, and the inverse permutation.

        Made once per device, since a CUDA graph cannot contain a copy from the host.
        """
        if device not in self._indices:
            order = torch.tensor([row for rows in self._groups for row in rows])
            self._indices[device] = order.to(device), order.argsort().to(device)
        return self._indices[device]

    @cached_property
    def _indices(self) -> dict[torch.device, tuple[Tensor, Tensor]]:
        return {}

    @cached_property
    def _groups(self) -> list[list[int]]:
        """The rows of each distinct operator."""
        groups: list[list[int]] = []
        for row, operator in enumerate(self.operators):
            known = next((rows for rows in groups if alike(self.operators[rows[0]], operator)), None)
            if known is None:
                groups.append([row])
            else:
                known.append(row)
        return groups


def select(degradation: Degradation, rows: Sequence[int]) -> Degradation:
    """The degradation for some of a batch's problems."""
    if isinstance(degradation, Stacked):
        return Stacked(tuple(degradation.operators[row] for row in rows))
    return degradation


def alike(a: Degradation, b: Degradation) -> bool:
    """Whether two bound operators are equal, unlike == also in the tensors that `bind` took from their photos."""
    if type(a) is not type(b) or not is_dataclass(a):
        return a is b
    return all(_same(getattr(a, field.name), getattr(b, field.name)) for field in fields(a))


def _same(a: object, b: object) -> bool:
    """Equality of parameters, tensors, operators, and lists of any of them."""
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return a.shape == b.shape and torch.equal(a, b)
    if isinstance(a, Degradation) and isinstance(b, Degradation):
        return alike(a, b)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(_same, a, b))
    return type(a) is type(b) and bool(a == b)
