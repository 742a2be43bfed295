from __future__ import annotations

import torch

from inversion.latents.noise_maps import draw, normalize
from inversion.search.seeds import RandomStreams


def test_normalized_maps_have_mean_zero_and_mean_square_one_per_problem() -> None:
    noise = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    noise = noise * torch.tensor([1.0, 5.0, 0.1], dtype=torch.float64)[:, None, None, None] + 2
    normalized = normalize(noise)
    torch.testing.assert_close(normalized.mean(dim=(1, 2, 3)), torch.zeros(3, dtype=torch.float64))
    torch.testing.assert_close(normalized.square().mean(dim=(1, 2, 3)), torch.ones(3, dtype=torch.float64))
    torch.testing.assert_close(normalize(noise[1:2]), normalized[1:2])


def test_a_problem_draws_the_same_maps_alone_and_in_a_batch() -> None:
    cpu = torch.device("cpu")
    together = draw([4, 8], RandomStreams([5, 6, 7], cpu))
    alone = draw([4, 8], RandomStreams([6], cpu))
    assert [m.shape for m in together] == [(3, 1, 4, 4), (3, 1, 8, 8)]
    for batch, single in zip(together, alone, strict=True):
        assert torch.equal(batch[1:2], single)
