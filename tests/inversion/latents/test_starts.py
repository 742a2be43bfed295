from __future__ import annotations

import torch

from inversion.generator.stylegan2 import Generator
from inversion.latents.starts import sample_seed, starting_points


def test_the_first_sample_has_the_photos_own_seed_and_no_numbers_come_twice() -> None:
    assert [sample_seed(seed, 0) for seed in (0, 7)] == [0, 7]
    drawn = {
        torch.randn(2, generator=torch.Generator().manual_seed(sample_seed(seed, sample))).sum().item()
        for seed in range(20)
        for sample in range(20)
    }
    assert len(drawn) == 400


def test_the_first_sample_begins_at_the_mean_face_and_the_others_at_faces_of_their_own(
    tiny_generator: Generator,
) -> None:
    mapping, w_avg = tiny_generator.mapping, torch.full([16], 0.5)
    seeds = [5, 6, 7, 5]
    points = starting_points(mapping, w_avg, seeds, [0, 1, 2, 1])
    assert points.shape == (4, 16)
    assert torch.equal(points[0], w_avg)
    assert len({tuple(point.tolist()) for point in points}) == 4
    for row in range(1, 4):  # whatever the neighbours
        assert torch.equal(starting_points(mapping, w_avg, seeds[row : row + 1], [1])[0], points[row])
