from __future__ import annotations

import sys

import pytest

from benchmarks.damage_outcome import evenly, main


@pytest.mark.parametrize(
    ("count", "limit", "chosen"),
    [
        (22, 1, [0]),
        (22, 2, [0, 21]),
        (22, 8, [*range(0, 22, 3)]),
        (5, 5, [0, 1, 2, 3, 4]),
        (3, 10, [0, 1, 2]),
    ],
)
def test_photos_are_chosen_evenly(count: int, limit: int, chosen: list[int]) -> None:
    assert evenly(count, limit) == chosen


def test_as_many_photos_are_looked_at_as_were_asked_for() -> None:
    assert all(
        len(evenly(count, limit)) == min(limit, count) for count in range(1, 60) for limit in range(1, 70)
    )


def test_none_are_too_few(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["damage_outcome", "photos", "--limit", "0"])
    with pytest.raises(SystemExit):
        main()
    assert "--limit is at least 1. Got 0." in capsys.readouterr().err
