"""`degraded=true` alone: the photo is looked at."""

from __future__ import annotations

import pytest

from conf.arrives import DEFAULT, with_degradation


@pytest.mark.parametrize(
    "words",
    [
        ["degraded=true"],
        ["image='old print.jpg'", "degraded=True", "steps=5"],
        ["-m", "degraded=true", "reg=0.1,1"],
        ["degraded=true", "input=photo"],
    ],
)
def test_a_photo_that_arrives_damaged_in_nobody_says_which_way_is_looked_at(words: list[str]) -> None:
    assert with_degradation(words) == [*words, DEFAULT]


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["degraded=false"],
        ["degraded=true,false", "-m"],
        ["degraded=true", "degradation=none"],
        ["degraded=true", "degradation=blur,grayscale", "-m"],
        ["degraded=true", "+experiment=deblur_kernels"],
        ["degraded=true", "input=synthetic"],
        ["image=degraded=true"],
    ],
)
def test_what_is_said_stays(words: list[str]) -> None:
    assert with_degradation(words) == words


def test_settings_of_auto_alone_are_enough() -> None:
    words = ["degraded=true", "degradation.blur=none"]
    assert with_degradation(words) == [*words, DEFAULT]
