"""Let colours spread along even luma: from where they are known, and from where they are sure."""

from __future__ import annotations

import torch
from torch import Tensor

from inversion.degradations.conjugate_gradients import conjugate_gradients
from inversion.degradations.harmonic import roughness

STEPS = 400  # of conjugate gradients, at most; a face's colours are settled after about 170


def spread(values: Tensor, known: Tensor, luma: Tensor, length: float, edge: float) -> Tensor:
    """Continue values into what is not known, along even luma: [B, C, H, W], [B, 1, H, W], [B, 1, H, W].

    Known values come back as they are; others fade over `length` pixels, as in Bhat et al. 2008. edge: step of luma
    across which they spread half as easily.
    """
    ease, unknown, fixed = eases(luma, edge), 1 - known, known * values

    def matrix(u: Tensor) -> Tensor:
        return roughness(u, ease) + u / length**2

    filled = conjugate_gradients(
        lambda u: unknown * matrix(unknown * u),
        -unknown * matrix(fixed),
        torch.zeros_like(fixed),
        steps=STEPS,
    )
    return fixed + unknown * filled


def settled(values: Tensor, sure: Tensor, luma: Tensor, smooth: float, edge: float) -> Tensor:
    """Move values that are not sure towards those around them, along even luma: [B, C, H, W] -> same.

    The least of sum sure (u - values)² + smooth · sum over neighbours of ease · (their difference of u)².
    sure: [B or 1, 1, H, W], above 0. luma: [B, 1, H, W]. edge: as of `spread`. Values that are even stay as they are.
    """
    ease = eases(luma, edge)
    return conjugate_gradients(
        lambda u: sure * u + smooth * roughness(u, ease), sure * values, values, steps=STEPS
    )


def eases(luma: Tensor, edge: float) -> tuple[Tensor, Tensor]:
    """Weights of differences between neighbours, as of `roughness`: the less, the more their luma differs.

    Levin, Lischinski & Weiss 2004, Colorization Using Optimization, as the quadratic form of Lischinski et al. 2006,
    Interactive Local Adjustment of Tonal Values, equation 1: neighbours are compared one by one.
    """
    across, down = (1 / (1 + (luma.diff(dim=dim) / edge).square()) for dim in (-1, -2))
    return across, down
