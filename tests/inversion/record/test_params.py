from __future__ import annotations

from typing import Any

from inversion.record.params import flatten


def test_flatten_spells_values_as_the_command_line_does() -> None:
    config: dict[Any, Any] = {
        "loss": {"lpips": 1.0, "pixel": {"weight": 1e-5}},
        "phases": [{"steps": 5, "space": "W"}, {"steps": 7, "space": "W+"}],
        "box": [1, None, True],
        "empty": {},
        "none": [],
        "seed": None,
        "degraded": False,
        "name": "ü",
        3: "int key",
    }
    assert flatten(config) == {
        "loss.lpips": "1.0",
        "loss.pixel.weight": "1e-05",
        "phases.0.steps": "5",
        "phases.0.space": "W",
        "phases.1.steps": "7",
        "phases.1.space": "W+",
        "box": "[1, null, true]",
        "empty": "{}",
        "none": "[]",
        "seed": "null",
        "degraded": "false",
        "name": "ü",
        "3": "int key",
    }


def test_flatten_says_where_a_value_too_long_for_mlflow_is_whole() -> None:
    value = flatten({"prompt": "x" * 7000})["prompt"]
    assert len(value) == 6000 and value.endswith("… [7000 characters in all: see config.yaml]")


def test_flatten_keeps_apart_names_that_mlflow_cannot_tell_apart() -> None:
    assert flatten({"a=b": 1, "a@b": 2, "a+b": 3}) == {"a_b": "1", "a_b_": "2", "a_b__": "3"}
    long = {"x" * 300 + "a": 1, "x" * 300 + "b": 2}
    assert len(flatten(long)) == 2
