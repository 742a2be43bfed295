"""How many problems a pass holds follows from what one problem takes and what is free."""

from __future__ import annotations

import pytest
import torch

from inversion import batching as memory
from inversion.losses.perceptual_loss import PerceptualLoss
from inversion.model import Model
from tests.conftest import TINY, live_tensors

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("free", "samples", "expected"),
    [(20, 1, 10), (20, 5, 2), (1, 1, 1), (0, 1, 1), (20, 50, 1), (1e6, 1, 32), (1e6, 2, 16)],
)
def test_half_of_what_is_free_is_filled_up_to_a_largest_batch(
    model: Model,
    loss: PerceptualLoss,
    monkeypatch: pytest.MonkeyPatch,
    free: float,
    samples: int,
    expected: int,
) -> None:
    """free: in units of what one problem takes."""
    one = memory.bytes_per_problem(model, loss)
    monkeypatch.setattr(memory, "free_bytes", lambda device: free * one)
    assert memory.problems_that_fit(model, loss, samples) == expected


def test_a_problem_takes_at_least_the_feature_maps_that_its_gradient_needs(
    model: Model, loss: PerceptualLoss
) -> None:
    """Of every convolution, its input: one map of 16 channels at each resolution from 4 to 32 px."""
    a = TINY
    one_map_each = sum(4 * a.channels(side) * side**2 for side in a.resolutions)
    assert memory.bytes_per_problem(model, loss) > one_map_each
    added = memory.kept_bytes(model, loss, 4) - memory.kept_bytes(model, loss, 2)
    assert added == pytest.approx(2 * memory.bytes_per_problem(model, loss), rel=0.01)


def test_measuring_leaves_no_tensor_behind(model: Model, loss: PerceptualLoss) -> None:
    memory.bytes_per_problem(model, loss)  # makes the constants that a process keeps
    before = live_tensors()
    memory.bytes_per_problem(model, loss)
    assert live_tensors() == before
