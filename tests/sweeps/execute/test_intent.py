"""A single run says what it takes a photo for."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from inversion.presets import composed
from sweeps.execute.intent import DAMAGES, intent
from sweeps.execute.job import Job
from sweeps.plan.config import Config


def said(*overrides: str) -> str | None:
    config = Config.of(composed(*overrides))
    chosen = [word.partition("=")[2] for word in overrides if word.startswith("degradation=")]
    return intent(Job(config, Path("out"), overrides, chosen[-1] if chosen else "none"), "python run.py")


def test_an_undamaged_photo_is_called_so_with_the_words_that_say_otherwise() -> None:
    text = said("image='my folder/me (1).jpg'")
    assert text is not None and "me (1).jpg is taken as undamaged" in text
    assert "python run.py 'image=my folder/me (1).jpg' degradation=grayscale degraded=true" in text


@pytest.mark.parametrize("words", DAMAGES.values())
def test_what_is_suggested_composes_and_has_nothing_left_to_say(words: str) -> None:
    assert said("image=me.jpg", *shlex.split(words)) is None


def test_the_first_suggestion_looks_at_the_photo() -> None:
    text = said("image=me.jpg")
    assert text is not None and "damaged, somehow:  python run.py image=me.jpg degraded=true\n" in text


def test_a_photo_that_is_corrupted_first_is_announced() -> None:
    text = said("image=me.jpg", "degradation=blur")
    assert text is not None and "blur is applied to it first" in text and "degraded=true" in text


def test_of_the_sample_and_of_synthetic_faces_nothing_is_said() -> None:
    assert said() is None and said("degradation=blur") is None and said("input=synthetic") is None
