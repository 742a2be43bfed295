"""Solve one linear system per problem of a batch without writing the matrix down."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def conjugate_gradients(
    matrix: Callable[[Tensor], Tensor],
    right: Tensor,
    start: Tensor,
    tolerance: float = 1e-5,
    steps: int = 500,
    preconditioner: Callable[[Tensor], Tensor] = lambda residual: residual,
) -> Tensor:
    """Find u with matrix(u) = right, for a symmetric, positive definite matrix per problem.

    right, start: [B, C, H, W]. tolerance: of the residual's root mean square, in the units of `right`; a problem
    that has reached it no longer moves, so that its solution does not depend on its neighbours.
    preconditioner: about the matrix's inverse, symmetric and positive definite: fewer steps.
    Hestenes & Stiefel 1952.
    """
    solution, residual = start, right - matrix(start)
    turned = preconditioner(residual)
    direction, power = turned, _dot(residual, turned)
    enough = tolerance**2 * right[0].numel()
    for _ in range(steps):
        moving = _dot(residual, residual) > enough
        if not moving.any():
            break
        image = matrix(direction)
        length = torch.where(moving, power / _dot(direction, image), 0)
        solution = solution + length * direction
        residual = residual - length * image
        turned = preconditioner(residual)
        before, power = power, _dot(residual, turned)
        direction = turned + torch.where(moving, power / before, 0) * direction
    return solution


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(dim=(1, 2, 3), keepdim=True)
