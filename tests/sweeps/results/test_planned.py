"""What a sweep says of failures is read in both shapes, whatever the photos are called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inversion.errors import ConfigError
from sweeps.results.planned import Failure, read_failure, read_plan

CELLS = [
    {"point": point, "photo": photo, "fingerprint": ""}
    for point in ("reg=0.1 steps=500", "box=[0.1, 0.2]")
    for photo in ("me.jpg", "bad=2 q.png", "a: b.png", "reg=0.1.png")
]
AXES = ("reg", "steps", "box")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("reg=0.1 steps=500 me.jpg: no face", Failure({"reg": 0.1, "steps": 500}, "me.jpg", "no face")),
        ("reg=0.1 steps=500 me: no face", Failure({"reg": 0.1, "steps": 500}, "me.jpg", "no face")),
        ("reg=0.1 steps=500 bad=2 q.png: x: y", Failure({"reg": 0.1, "steps": 500}, "bad=2 q.png", "x: y")),
        ("reg=0.1 steps=500 a: b.png: no face", Failure({"reg": 0.1, "steps": 500}, "a: b.png", "no face")),
        ("reg=0.1 steps=500 reg=0.1.png: small", Failure({"reg": 0.1, "steps": 500}, "reg=0.1.png", "small")),
        ("box=[0.1, 0.2] me.jpg: no face", Failure({"box": "[0.1, 0.2]"}, "me.jpg", "no face")),
        ("reg=0.1 steps=500: bad value", Failure({"reg": 0.1, "steps": 500}, "", "bad value")),
    ],
)
def test_a_text_is_told_from_the_cells_of_the_sweep(line: str, expected: Failure) -> None:
    assert read_failure(line, CELLS, AXES) == expected


def test_an_object_needs_no_guessing() -> None:
    line = json.dumps({"point": {"reg": 0.1}, "photo": "a\nb=2: c.png", "reason": "no\nface"})
    assert read_failure(line, [], ()) == Failure({"reg": 0.1}, "a\nb=2: c.png", "no\nface")


def test_the_file_of_failures_goes_before_the_tag(tmp_path: Path) -> None:
    file = tmp_path / "failed.jsonl"
    file.write_text(json.dumps({"point": "reg=0.1", "photo": "me.jpg", "reason": "no face"}) + "\n")
    plan = read_plan(None, file, {"failed": "reg=0.5 other.jpg: cut off by MLf", "axes": "reg"})
    assert plan.failures == (Failure({"reg": 0.1}, "me.jpg", "no face"),)


@pytest.mark.parametrize(
    "line",
    [
        "{",
        '{"point": {"reg": 0.1}',
        '{"photo": "me.jpg", "reason": ""}',
        '{"point": [1], "photo": "", "reason": ""}',
    ],
)
def test_a_damaged_object_is_the_failure_of_no_photo(line: str) -> None:
    assert read_failure(line, CELLS, AXES).photo.startswith("{")


def test_bytes_that_are_no_text_are_a_failure_to_show_and_a_plan_to_refuse(tmp_path: Path) -> None:
    plan, failures = tmp_path / "sweep.json", tmp_path / "failed.jsonl"
    plan.write_text('{"cells": []}')
    failures.write_bytes(b'{"point": \xff\n')
    assert [each.photo for each in read_plan(plan, failures, {}).failures] == ['{"point"']
    plan.write_bytes(b"\xff\xfe{")
    with pytest.raises(ConfigError, match="list of its runs is damaged"):
        read_plan(plan, None, {})
