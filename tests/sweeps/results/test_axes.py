"""Settings get an order, a place and a name."""

from __future__ import annotations

import pandas as pd
import pytest

from sweeps.results.axes import Axis, arrange, describe, find_axes, is_grid, overrides, parse, spell


def frame(**columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame({name.replace("__", "."): values for name, values in columns.items()})


def keys(params: pd.DataFrame, *declared: str) -> list[str]:
    return [axis.key for axis in find_axes(params, declared)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("100", 100),
        ("0.1", 0.1),
        ("1e-05", 1e-5),
        ("null", "null"),
        ("nan", "nan"),
        ("inf", "inf"),
        ("w+", "w+"),
    ],
)
def test_texts_become_numbers_where_they_are_numbers(text: str, value: object) -> None:
    assert parse(text) == value and type(parse(text)) is type(value)


def test_numbers_are_spelt_as_on_the_command_line() -> None:
    assert [
        spell(v) for v in (0.001, 100000.0, 100, "null", True, 1e-7)
    ] == "0.001 100000 100 null true 1e-07".split()


def test_what_cannot_change_a_pixel_is_no_axis() -> None:
    params = frame(
        reg=["1", "2"], device=["cpu", "cuda"], tracking__uri=["a", "b"], seed=["0", "1"], image=["a", "b"]
    )
    assert keys(params) == ["reg"]


def test_a_copy_of_a_setting_is_no_second_axis() -> None:
    params = frame(degraded=["true", "false"], input__degraded=["true", "false"])
    assert keys(params) == ["degraded"]


def test_what_was_asked_for_comes_first_and_stays_an_axis() -> None:
    params = frame(reg=["1", "2", "3"], steps=["10", "20", "30"], jitter=["0", "1", "1"])
    assert keys(params) == ["reg"]
    assert keys(params, "steps", "reg") == ["steps", "reg"]


def test_a_group_that_was_asked_for_is_found_by_its_target() -> None:
    targets = ["inversion.losses.lpips.LPIPS", "inversion.losses.pixel.PixelLoss"]
    (axis,) = find_axes(frame(loss___target_=targets, loss__vgg_path=["x", "null"]), ["loss"])
    assert (axis.setting, axis.values, axis.followers) == ("loss", ("lpips", "pixel"), ("loss.vgg_path",))


def test_values_are_in_order_numbers_before_texts() -> None:
    (axis,) = find_axes(frame(sigma=["null", "10", "9", "0.5"]))
    assert axis.values == (0.5, 9, 10, "null")


REG, STEPS = Axis("reg", (0.1, 0.5)), Axis("steps", (10, 100, 1000))
KERNEL, LOSS = Axis("degradation.kernel_size", (5, 7, 9, 11)), Axis("loss._target_", ("lpips", "pixel"))


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        ((REG, STEPS), (REG, STEPS, ())),
        ((REG, KERNEL), (REG, KERNEL, ())),
        ((LOSS, STEPS), (LOSS, STEPS, ())),
        ((LOSS, REG, KERNEL, STEPS), (REG, STEPS, (LOSS, KERNEL))),
        ((REG,), (None, REG, ())),
        ((), (None, None, ())),
    ],
)
def test_steps_run_across_and_reg_down(axes: tuple[Axis, ...], expected: tuple[object, ...]) -> None:
    layout = arrange(axes)
    assert (layout.down, layout.across, layout.panels) == expected


def test_half_filled_is_a_grid_and_less_is_a_search() -> None:
    assert is_grid((REG, STEPS), 3) and not is_grid((REG, STEPS), 2) and is_grid((), 1)


def test_a_point_as_command_and_in_words() -> None:
    point = pd.Series({"loss._target_": "pixel", "reg": 0.1, "checkpoint": "abc"})
    axes = (LOSS, REG, Axis("checkpoint", ("abc", "def")))
    assert overrides(point, axes) == "loss=pixel reg=0.1"
    assert describe(point, axes) == "loss pixel, reg 0.1, checkpoint abc"


def test_a_command_survives_the_shell() -> None:
    assert overrides(pd.Series({"box": "[0.1, 0.2]"}), (Axis("box", ("[0.1, 0.2]",)),)) == "'box=[0.1, 0.2]'"
