"""What a composed configuration may hold: one spelling of align, numbers in their ranges, one message otherwise."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from conf.check import checked
from conf.ranges import RANGES, Range
from inversion.errors import ConfigError
from sweeps.plan.config import Config
from tests.conf.choices import CHOICES, changed, composed


def plain(*overrides: str, group: str = "input=photo") -> dict[str, Any]:
    """The settings of a group's file, with overrides of plain values."""
    values = OmegaConf.to_container(composed(group))
    assert isinstance(values, dict)
    settings = {str(key): value for key, value in values.items()}
    for override in overrides:
        settings = changed(settings, override)
        if override.startswith("align"):
            settings["input"]["align"] = settings["align"]  # as the interpolation in input/photo.yaml has it
    return settings


def refusal(*overrides: str, group: str = "input=photo") -> str:
    with pytest.raises(ConfigError) as caught:
        checked(plain(*overrides, group=group))
    return str(caught.value)


@pytest.mark.parametrize("choice", [choice for choice in CHOICES if choice != "launcher=ray"])
def test_every_file_of_conf_passes_unchanged(choice: str) -> None:
    values = plain(group=choice)
    assert checked(values) == values


@pytest.mark.parametrize("word", ["0", "no", "off", "none", "false", "False", "NO", "'0'", "null"])
def test_every_word_for_no_means_that_the_photo_is_aligned_already(word: str) -> None:
    config = Config.of(plain(f"align={word}"))
    assert config.values["align"] is False
    assert config.input["align"] is False
    assert instantiate(config.input).align is False


@pytest.mark.parametrize("word", ["true", "1", "yes", "on"])
def test_every_word_for_yes_means_the_largest_face(word: str) -> None:
    assert checked(plain(f"align={word}")) == plain()


def test_align_keeps_its_settings() -> None:
    assert checked(plain("align.face=2"))["input"]["align"] == {"face": 2, "landmarks": None}
    assert checked(plain("align={face: 0}"))["align"] == {"face": 0, "landmarks": None}


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("align.face=left", "align.face must be a whole number of at least 0, or all. Got align.face=left"),
        ("align.face=-1", "Got align.face=-1"),
        ("align.face=1.5", "Got align.face=1.5"),
        ("align.face=true", "Got align.face=True"),
        (
            "align.landmarks=3",
            "align.landmarks must be the path of dlib's 68-point file, mesh, or null. Got 3",
        ),
        ("align={fac: 1}", "align has face and landmarks. Got align.fac"),
        ("align=maybe", "align=false or align.face=1 would work"),
        ("input.align=left", "Got input.align=left"),
        ("launcher.batch_size=0", "launcher.batch_size must be a whole number of at least 1"),
        ("tracking.image_every=-1", "tracking.image_every must be a whole number of at least 0"),
        ("seed=-1", "seed must be a whole number from 0 to"),
        ("samples=1000000000", "samples must be a whole number from 1 to 1000. Got samples=1000000000"),
        (f"steps={10**400}", "steps must be a whole number of at least 1"),
        ("reg=nan", "reg must be a finite number of at least 0. Got reg=nan"),
        ("loss.weight=0", "loss.weight must be a finite number above 0"),
        ("loss.identity=-1", "loss.identity must be a finite number of at least 0"),
    ],
)
def test_a_value_that_cannot_work_is_one_message_with_what_came(override: str, words: str) -> None:
    message = refusal(override)
    assert words in message and "\n" not in message


@pytest.mark.parametrize(
    ("override", "words"),
    [
        (
            "degradation.kernel_size=wide",
            "of at least 1, 10% of the face's square or 100px of the photo, or auto. Got",
        ),
        ("degradation.kernel_size=-1px", "degradation.kernel_size must be a finite number of at least 1"),
        ("degradation.sigma=0", "degradation.sigma must be a finite number above 0"),
    ],
)
def test_a_blur_that_cannot_work_is_refused(override: str, words: str) -> None:
    assert words in refusal(override, group="degradation=blur")


def test_steps_of_a_composed_degradation_are_checked_like_any_other() -> None:
    steps = "degradation.steps.1.kernel_size=0"
    assert "degradation.steps.1.kernel_size must be" in refusal(steps, group="degradation=compose")
    misspelt = "degradation.steps=[{_target_: inversion.degradations.blur.GaussianBlur, kernel: 3}]"
    assert "Key 'kernel' not in 'GaussianBlur'" in refusal(misspelt, group="degradation=compose")
    assert "must name what it builds" in refusal("degradation.steps=[blur]", group="degradation=compose")


def test_phases_are_checked_one_by_one() -> None:
    message = refusal("space=null", "phases=[{space: w}, {space: w+, share: 0}]")
    assert "phases.1.share must be a finite number above 0. Got phases.1.share=0" in message


def test_a_group_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(ConfigError, match="loss must be a file of conf/loss. Got loss=3"):
        checked(plain() | {"loss": 3})


EDGES = [
    (name, allowed, edge, is_in)
    for name, allowed in RANGES.items()
    for edge, is_in in ((allowed.least, not allowed.above), (allowed.most, not allowed.below))
    if math.isfinite(edge)
]


@pytest.mark.parametrize(("name", "allowed", "edge", "is_in"), EDGES, ids=[f"{e[0]}={e[2]:g}" for e in EDGES])
def test_a_range_ends_where_it_says(name: str, allowed: Range, edge: float, is_in: bool) -> None:
    beyond = edge - 1 if edge == allowed.least else edge + 1
    assert (edge in allowed) == is_in and beyond not in allowed
    assert float(allowed.example) in allowed
    assert not [value for value in (math.nan, math.inf, -math.inf, True, "x") if value in allowed]


@pytest.mark.parametrize(
    ("allowed", "long", "short"),
    [
        (Range(1, whole=True), "a whole number of at least 1", "≥ 1"),
        (Range(0, 1), "a finite number from 0 to 1", "0 … 1"),
        (Range(0, 1, above=True), "a finite number above 0 and of at most 1", "> 0, ≤ 1"),
        (Range(1, words=("auto",)), "a finite number of at least 1, or auto", "≥ 1 or auto"),
        (Range(), "a finite number", "any number"),
    ],
)
def test_a_range_is_said_in_words_and_in_short(allowed: Range, long: str, short: str) -> None:
    assert (str(allowed), allowed.short) == (long, short)
