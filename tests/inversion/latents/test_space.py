"""Laws of every built-in latent space."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from inversion.latents.space import LatentSpace, per_space
from inversion.search import families
from tests.conftest import TOLERANCE

EXACT = TOLERANCE[torch.float64]
SHAPES = [(3, 5, 4), (3, 5, 6, 4)]  # without and with codes per channel
every_space = pytest.mark.parametrize("name", families.SPACES)
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=["per_layer", "per_channel"])


def numbers(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@every_space
@every_shape
def test_the_codes_of_a_latent_that_was_made_of_codes_are_those_codes(
    name: str, shape: tuple[int, ...]
) -> None:
    space, ws = families.latent_space(name), numbers(*shape)
    torch.testing.assert_close(space.to_ws(space.from_ws(ws)), ws, **EXACT)


@every_space
@every_shape
def test_codes_that_are_tied_have_one_gradient_whose_sum_over_codes_grows_by_their_number(
    name: str, shape: tuple[int, ...]
) -> None:
    """As for one variable that each of its copies uses: sums of sums multiply by the number of copies."""
    space, gradient = families.latent_space(name), numbers(*shape)
    once = space.sum_tied_gradients(gradient)
    distinct = len(once[0].reshape(-1, 4).unique(dim=0))
    copies = gradient[0].numel() / 4 / distinct
    twice = space.sum_tied_gradients(once)
    torch.testing.assert_close(twice, copies * once, **EXACT)


@every_space
@every_shape
def test_a_problem_is_treated_on_its_own(name: str, shape: tuple[int, ...]) -> None:
    space, x = families.latent_space(name), numbers(*shape)
    for method in (space.to_ws, space.from_ws, space.sum_tied_gradients):
        assert torch.equal(method(x)[1:2], method(x[1:2]))
    draws = numbers(3, 5, 4)
    assert torch.equal(space.share_jitter(draws)[1:2], space.share_jitter(draws[1:2]))


class Doubled(LatentSpace):
    """The latent is half the codes."""

    def to_ws(self, latent: Tensor) -> Tensor:
        return 2 * latent


def test_every_row_of_a_batch_is_treated_by_its_own_space_and_gradients_pass() -> None:
    plain, doubled = LatentSpace(), Doubled()
    latent = numbers(4, 5, 4).requires_grad_(True)
    ws = per_space([doubled, plain, doubled, plain], "to_ws", latent)
    factors = torch.tensor([2.0, 1, 2, 1], dtype=torch.float64)[:, None, None]
    torch.testing.assert_close(ws, factors * latent, **EXACT)
    (gradient,) = torch.autograd.grad(ws.sum(), latent)
    torch.testing.assert_close(gradient, factors.expand_as(latent), **EXACT)


def test_spaces_that_share_a_method_copy_nothing() -> None:
    latent = numbers(3, 5, 4)
    spaces = [families.latent_space(name) for name in families.SPACES]
    assert per_space(spaces, "to_ws", latent) is latent
