from __future__ import annotations

import torch

from inversion.fullsize.guided import box, guided
from tests.conftest import TOLERANCE


def test_a_box_filter_averages_what_lies_inside_the_picture() -> None:
    x = torch.rand(2, 3, 9, 7, dtype=torch.float64)
    inside = torch.ones_like(x)
    sums, counts = (torch.nn.functional.avg_pool2d(v, 5, 1, 2, divisor_override=1) for v in (x, inside))
    torch.testing.assert_close(box(x, 2), sums / counts, **TOLERANCE[x.dtype])


def test_what_is_linear_in_the_guide_gets_the_guides_edges() -> None:
    guide = torch.zeros(1, 1, 64, 64, dtype=torch.float64)
    guide[..., 29:] = 1  # not at the border of a small pixel
    small = torch.nn.functional.adaptive_avg_pool2d(guide, 16)
    values = torch.cat([0.3 * small + 0.1, -0.5 * small], dim=1)
    large = guided(guide, values, 2, 1e-9)
    near = slice(20, 40)
    torch.testing.assert_close(large[0, 0, :, near], 0.3 * guide[0, 0, :, near] + 0.1, rtol=0, atol=0.02)
    torch.testing.assert_close(large[0, 1, :, near], -0.5 * guide[0, 0, :, near], rtol=0, atol=0.02)


def test_without_edges_it_averages() -> None:
    values = torch.randn(1, 2, 16, 16, dtype=torch.float64)
    large = guided(torch.zeros(1, 1, 48, 48, dtype=torch.float64), values, 3, 0.01)
    assert large.std() < 0.4 * values.std()
    torch.testing.assert_close(
        guided(torch.rand(1, 1, 48, 48, dtype=torch.float64), 0 * values + 2, 3, 0.01),
        torch.full((1, 2, 48, 48), 2.0, dtype=torch.float64),
    )
