from __future__ import annotations

import torch

from benchmarks.blind_blur import LARGEST, SMALLEST, blurred, row


def photos() -> torch.Tensor:
    return torch.rand([12, 3, 32, 32], generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_each_photo_has_a_kernel_of_its_own_and_the_seed_decides_it() -> None:
    observed, sizes = blurred(photos(), seed=3)
    again, same = blurred(photos(), seed=3)
    _, others = blurred(photos(), seed=4)
    assert torch.equal(observed, again) and torch.equal(sizes, same) and not torch.equal(sizes, others)
    assert len(set(sizes.tolist())) == 12
    assert sizes.min() >= SMALLEST * 32 and sizes.max() <= LARGEST * 32
    levels = (observed + 1) * 127.5
    torch.testing.assert_close(levels, levels.round(), rtol=0, atol=1e-4)


def test_a_row_counts_what_is_near() -> None:
    sizes = torch.tensor([4.0, 4.0, 4.0, 4.0])
    apart = torch.tensor([0.0, 1.0, 2.0, 4.0], dtype=torch.float64)
    found = row("all", torch.tensor([4.0, 4.4, 3.6, 8.0]), sizes, apart)
    assert found == "| all | 4 | 75.0% | 10.0% | +0.0% | 3.7 |"
