from __future__ import annotations

from collections.abc import Callable

import torch

from inversion.search.convergence import CHECK_EVERY, WINDOW, Convergence
from inversion.search.hyperparameters import Hyperparameters

SETTINGS = Hyperparameters(early_stop=True)


def first_converged(*losses: Callable[[int], float], steps: int = 600) -> list[int | None]:
    """The step at which each problem's losses are first called converged."""
    rows = torch.arange(len(losses))
    convergence = Convergence([SETTINGS] * len(losses), torch.device("cpu"))
    convergence.start_phase(range(len(losses)))
    found: list[int | None] = [None] * len(losses)
    for number in range(steps):
        totals = torch.tensor([loss(number) for loss in losses])
        for row in convergence.check(number, list(range(len(losses))), rows, {"pixel": totals}):
            found[row] = number if found[row] is None else found[row]
    return found


def test_a_loss_that_still_falls_has_not_converged_and_one_that_stands_has() -> None:
    falling, standing, levelling = first_converged(
        lambda t: 0.999**t, lambda t: 3.0, lambda t: 1 + 5 * 0.97**t
    )
    assert falling is None
    assert standing == 2 * WINDOW - 1
    assert levelling is not None and standing < levelling <= 300
    assert (levelling + 1) % CHECK_EVERY == 0


def test_the_scale_of_a_loss_does_not_matter() -> None:
    small, large = first_converged(lambda t: 1e-6 * (1 + 5 * 0.97**t), lambda t: 1e6 * (1 + 5 * 0.97**t))
    assert small == large is not None


def test_a_new_phase_is_given_time() -> None:
    convergence = Convergence([SETTINGS], torch.device("cpu"))
    convergence.start_phase([0])
    for number in range(2 * WINDOW - 1):
        convergence.check(number, [0], torch.tensor([0]), {"pixel": torch.ones(1)})
    convergence.start_phase([0])
    start = 2 * WINDOW - 1
    later = [
        convergence.check(start + k, [0], torch.tensor([0]), {"pixel": torch.ones(1)})
        for k in range(4 * WINDOW)
    ]
    assert next(k for k, rows in enumerate(later, 1) if rows) == 2 * WINDOW + 1  # the first look from then on
