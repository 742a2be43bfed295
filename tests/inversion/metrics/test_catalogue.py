"""Every figure that is recorded has one title, unit and direction, whichever picture it speaks of."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from inversion.metrics import catalogue
from inversion.metrics.catalogue import METRICS, VARIANTS, in_order, metric, terms


@pytest.mark.parametrize("prefix", ["", *VARIANTS])
@pytest.mark.parametrize("name", ["psnr", "identity_distance", "fit_sharpness", "colour_error"])
def test_a_metric_of_another_picture_has_unit_digits_and_direction_of_its_own_kind(
    prefix: str, name: str
) -> None:
    own, other = metric(name), metric(f"{prefix}{name}")
    assert (own.title, own.unit, own.digits, own.better) == (
        other.title,
        other.unit,
        other.digits,
        other.better,
    )


def test_titles_say_of_which_picture_they_speak() -> None:
    assert metric("psnr").heading == "PSNR [dB]"
    assert metric("consistent_psnr").heading == "PSNR, consistent [dB]"
    assert metric("consistent_hole_psnr").heading == "PSNR, consistent, inside the hole [dB]"
    assert metric("consistent_psnr").caption(24.12) == "consistent PSNR 24.1 dB"
    assert metric("consistent_hole_psnr").caption(14.42) == "consistent PSNR inside the hole 14.4 dB"
    assert metric("identity_distance").caption(0.314) == "identity 0.31"
    assert metric("psnr").text(float("nan")) == "– dB"


def test_what_is_not_known_is_a_term_of_the_loss() -> None:
    known = metric("discriminator")
    assert known.has_history and known.better == "lower" and known.digits is None
    names = [
        "psnr",
        "loss",
        "pixel",
        "latent",
        "noise",
        "learning_rate",
        "phase_1_steps",
        "found_sigma",
        "tuning_loss",
    ]
    assert terms(names) == ["pixel", "loss"]
    assert terms(["consistent_psnr", "untuned_psnr", "samples_mean_ssim", "samples_spread"]) == []


def test_a_metric_is_followed_by_its_variants_and_terms_come_last() -> None:
    names = {"pixel", "consistent_psnr", "ssim", "psnr", "loss", "seconds"}
    assert in_order(names) == ("psnr", "consistent_psnr", "ssim", "loss", "seconds", "pixel")


def test_every_known_metric_says_what_it_means_in_json() -> None:
    for name in METRICS:
        shown = catalogue.as_json(name)
        assert (
            shown["name"] == name and shown["title"] and shown["better"] in ("higher", "lower", "zero", None)
        )


def test_the_catalogue_imports_nothing_beyond_the_standard_library() -> None:
    """The table of metrics is read by the console and by reports, which must not wait for torch."""
    imported = [
        name
        for node in ast.walk(ast.parse(Path(catalogue.__file__).read_text()))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in (
            [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
    ]
    assert imported and {name.split(".")[0] for name in imported} <= sys.stdlib_module_names
