"""The mean code is that of NVIDIA's projector: the same 10,000 z."""

from __future__ import annotations

import numpy as np
import torch

from inversion.generator.statistics import w_statistics
from inversion.generator.stylegan2 import Generator
from tests.conftest import TOLERANCE


def test_the_statistics_are_those_of_the_projector(tiny_generator: Generator) -> None:
    """Its lines, with numpy's z."""
    z = torch.from_numpy(np.random.RandomState(123).randn(10_000, 16))
    w = tiny_generator.mapping(z.float())[:, 0].double().numpy()
    w_avg, w_std = w_statistics(tiny_generator.mapping)
    torch.testing.assert_close(w_avg, torch.from_numpy(w.mean(axis=0)).float(), **TOLERANCE[torch.float32])
    assert abs(w_std / (((w - w.mean(axis=0)) ** 2).sum() / 10_000) ** 0.5 - 1) < 1e-5
