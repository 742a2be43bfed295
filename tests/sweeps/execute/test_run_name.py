"""A run's name carries what was set, every axis of a sweep among it."""

from __future__ import annotations

from sweeps.execute.run_name import LONGEST, run_name


def named(*overrides: str) -> str:
    return run_name("me", "blur", 0.5, 100, overrides)


def test_every_setting_is_told_once() -> None:
    assert named(
        "degradation=blur", "reg=0.5", "degradation.kernel_size=5", "seed=2", "+loss.identity=0.5"
    ) == ("me blur reg 0.5 steps 100 kernel size 5 seed 2 identity 0.5")
    assert named("input=synthetic", "input.seed=7", "generator=portraits64") == (
        "me blur reg 0.5 steps 100 seed 7 generator portraits64"
    )


def test_what_cannot_change_a_result_is_left_out() -> None:
    words = [
        "tracking.parent=ab",
        "device=cpu",
        "image=me.png",
        "input.image=me.png",
        "launcher=batched",
        "seeds=3",
    ]
    assert named(*words, "generator.path=/home/me/a.pkl", "hydra.sweep.dir=x") == "me blur reg 0.5 steps 100"


def test_a_long_name_still_fits_mlflows_column() -> None:
    assert len(named(*(f"phase_{i}=" + "x" * 60 for i in range(9)))) == LONGEST
