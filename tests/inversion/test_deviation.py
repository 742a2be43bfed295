from __future__ import annotations

import torch

from inversion.deviation import deviation


def test_a_few_values_of_any_size_hardly_move_the_deviation_of_the_rest() -> None:
    values = 0.3 * torch.randn(2, 30_000, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(deviation(values), torch.full([2], 0.3), rtol=0.02, atol=0)
    values[1, :3000] = 100.0
    values[1, 3000:6000] = torch.nan
    # of 24,000 normal values and 3,000 large ones the median is the 0.5625 quantile of the former: 0.776 / 0.6745
    torch.testing.assert_close(deviation(values)[1], torch.tensor(0.3 * 0.776 / 0.6745), rtol=0.02, atol=0)


def test_of_nothing_it_is_nothing() -> None:
    assert deviation(torch.zeros(0)).item() == 0
    assert deviation(torch.zeros(3, 0)).tolist() == [0, 0, 0]
    assert deviation(torch.full([1, 4], torch.nan)).tolist() == [0]
