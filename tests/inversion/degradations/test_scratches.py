from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from inversion.degradations.scratches import Scratches, distance
from inversion.errors import ConfigError


def photos(batch: int = 3) -> torch.Tensor:
    return torch.rand(batch, 3, 48, 48, generator=torch.Generator().manual_seed(0)) * 2 - 1


def blank_share(operator: Scratches) -> float:
    known = operator.bind(photos(), False).known
    assert known is not None
    return 1 - known.mean().item()


def known(operator: Scratches, x: Tensor | None = None) -> Tensor:
    bound = operator.bind(photos() if x is None else x, False).known
    assert bound is not None
    return bound


def test_every_photo_has_strokes_of_its_own_whoever_its_neighbours_are() -> None:
    together = known(Scratches())
    assert not torch.equal(together[0], together[1])
    for i in range(3):
        assert torch.equal(known(Scratches(), photos()[i : i + 1])[0], together[i])


def test_another_seed_scratches_elsewhere() -> None:
    assert not torch.equal(known(Scratches(seed=1)), known(Scratches()))


def test_more_and_wider_strokes_blank_more() -> None:
    by_count = [blank_share(Scratches(strokes=n)) for n in (1, 5, 9, 13, 17)]  # the levels XS to XL
    by_width = [blank_share(Scratches(width=w)) for w in (0.02, 0.05, 0.1)]
    assert by_count == sorted(by_count)
    assert by_width == sorted(by_width)


def test_distance_to_a_line_ends_round() -> None:
    places = torch.tensor([[[0.0, 0.0], [2.0, 1.0], [4.0, 0.0], [3.0, 4.0]]])
    found = distance(places, torch.tensor([1.0, 0.0]), torch.tensor([3.0, 0.0]))
    torch.testing.assert_close(found, torch.tensor([[1.0, 1.0, 1.0, 4.0]]))


def test_scratched_photos_need_a_mask() -> None:
    with pytest.raises(ConfigError, match=r"Got degraded=true.*degradation.mask=FILE"):
        Scratches().bind(photos(), True)


@pytest.mark.parametrize(
    "settings", [{"strokes": 0}, {"width": 0.0}, {"width": 1.0}, {"width": 0.99, "strokes": 17}]
)
def test_impossible_strokes_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="Got"):
        Scratches(**settings).bind(photos(), False)
