"""What the search asks of a latent space, and how problems in different spaces share a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor


class LatentSpace:
    """A set of codes in which a search moves. Every method treats each problem of its batch on its own.

    The variable that is optimized, `latent`, always has the shape of the codes that the network reads, ws
    [B, num_ws, w_dim], or [B, num_ws, channels, w_dim] where any phase is `per_channel`. So a problem can change its
    space between two steps, and problems in different spaces share a batch. Left as they are, these methods say that
    every code moves freely.
    """

    per_channel = False  # True: the network gets a code per channel of each layer

    def from_ws(self, ws: Tensor) -> Tensor:
        """The latent from which a phase starts, given the codes where the search is: same shape."""
        return ws

    def to_ws(self, latent: Tensor) -> Tensor:
        """The codes that a latent stands for: same shape, differentiable."""
        return latent

    def sum_tied_gradients(self, gradient: Tensor) -> Tensor:
        """Sum the gradients of codes that the space ties together, so that equal codes stay equal: same shape."""
        return gradient

    def share_jitter(self, draws: Tensor) -> Tensor:
        """Random numbers [B, num_ws, w_dim], with one draw for all codes that are tied together: same shape."""
        return draws


def per_space(spaces: Sequence[LatentSpace], method: str, x: Tensor) -> Tensor:
    """Call the method of that name of every problem's own space on its row: [B, ...] -> [B, ...].

    Spaces that inherit the same method are one group, so that nothing is copied where they do not differ.
    """
    methods = [getattr(type(space), method) for space in spaces]
    distinct = list(dict.fromkeys(methods))
    if len(distinct) == 1:
        return cast(Tensor, getattr(spaces[0], method)(x))
    groups = [[row for row, one in enumerate(methods) if one is kind] for kind in distinct]
    order = torch.tensor([row for rows in groups for row in rows], device=x.device)
    parts = x.index_select(0, order).split([len(rows) for rows in groups])
    done = [getattr(spaces[rows[0]], method)(part) for rows, part in zip(groups, parts, strict=True)]
    return torch.cat(done).index_select(0, order.argsort())
