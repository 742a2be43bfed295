from __future__ import annotations

import torch

from inversion.generator.stylegan2 import Generator
from inversion.latents.starts import sample_seed, starting_points


def test_restart_0_has_the_photos_own_seed_and_no_two_restarts_draw_the_same_numbers() -> None:
    assert [sample_seed(seed, 0) for seed in (0, 7)] == [0, 7]
    drawn = {
        torch.randn(2, generator=torch.Generator().manual_seed(sample_seed(seed, sample))).sum().item()
        for seed in range(20)
        for sample in range(20)
    }
    assert len(drawn) == 400


def test_restart_0_starts_at_the_given_codes_and_the_others_at_random_faces(
    tiny_generator: Generator,
) -> None:
    mapping, num_ws = tiny_generator.mapping, tiny_generator.architecture.num_ws
    first = torch.rand([4, num_ws, 16], generator=torch.Generator().manual_seed(0))
    seeds = [5, 6, 7, 5]
    points = starting_points(mapping, first, seeds, [0, 1, 2, 1])
    assert points.shape == first.shape
    assert torch.equal(points[0], first[0])
    assert len({tuple(point.flatten().tolist()) for point in points}) == 4
    for row in range(1, 4):  # whatever the neighbours
        assert torch.equal(starting_points(mapping, first[row, None], [seeds[row]], [1])[0], points[row])
