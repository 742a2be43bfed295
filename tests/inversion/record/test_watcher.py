from __future__ import annotations

import pytest
import torch

from inversion.record.recorder import Tee
from inversion.record.watcher import Watcher
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.optimize import Step


@pytest.mark.parametrize("steps", [1, 39, 40, 79, 80, 100, 500])
def test_a_film_has_at_most_so_many_frames_and_shows_both_ends(steps: int) -> None:
    watcher = Watcher([Tee()], [Hyperparameters(steps=steps)], image_every=0, animation_frames=40)
    shown = []
    for number in range(steps):
        ends, before = number == steps - 1, len(watcher.frames[0])
        one = torch.ones(1)
        image = torch.zeros(1, 3, 4, 4)
        watcher(Step(number, [0], image, {"pixel": one}, one, one.bool(), [ends]))
        shown += [number] * (len(watcher.frames[0]) - before)
    assert min(steps, 20) <= len(shown) <= 40
    assert (shown[0], shown[-1]) == (0, steps - 1)
