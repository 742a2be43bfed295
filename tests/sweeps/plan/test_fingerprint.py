"""The same pixels have the same fingerprint, and only they."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from inversion.errors import ConfigError
from sweeps.plan.fingerprint import fingerprint

CONFIG: dict[str, Any] = {
    "image": "a.jpg",
    "seed": 0,
    "device": "cpu",
    "rerun": False,
    "steps": 100,
    "reg": 0.1,
    "generator": {"_target_": "g", "path": "/here/net.pkl"},
    "degradation": {"_target_": "blur", "kernel_size": None, "mask": None},
    "loss": {"_target_": "lpips", "weight": 1.0, "vgg_path": None},
    "input": {"image": "a.jpg", "degraded": False, "align": {"face": None, "landmarks": None}},
    "tracking": {"uri": "sqlite:///x.db"},
    "launcher": {"batch_size": None},
}


def changed(path: str, value: Any) -> dict[str, Any]:
    *groups, key = path.split(".")
    config = {name: dict(node) if isinstance(node, dict) else node for name, node in CONFIG.items()}
    node = config
    for group in groups:
        node[group] = dict(node[group])
        node = node[group]
    node[key] = value
    return config


BASE = fingerprint(CONFIG, "photo", "net")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("device", "cuda"),
        ("rerun", True),
        ("image", "/elsewhere/a.jpg"),
        ("input.image", "/elsewhere/a.jpg"),
        ("generator.path", "/there/net.pkl"),
        ("loss.vgg_path", "/models/vgg.pth"),
        ("tracking.uri", None),
        ("tracking.parent", "abc"),
        ("launcher.batch_size", 8),
        ("feature_steps", 0),  # as runs from before feature maps were fitted
        ("colour_prior", 0.5),  # does nothing without feature_steps
        ("face_prior", 0.5),
        ("loss.robust", 0.0),  # as runs from before losses could be robust
        ("tuning_steps", 0),  # as runs from before there was any tuning
        ("tuning_rate", 0.1),
    ],
)
def test_what_changes_no_pixel_changes_no_fingerprint(path: str, value: Any) -> None:
    assert fingerprint(changed(path, value), "photo", "net") == BASE


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("seed", 1),
        ("start", __file__),
        ("steps", 101),
        ("reg", 0.2),
        ("degradation.kernel_size", 5),
        ("degradation._target_", "grayscale"),
        ("loss.weight", 2.0),
        ("loss.robust", 5.0),
        ("input.degraded", True),
        ("input.align", False),
        ("input.align.face", 1),
        ("feature_steps", 10),
        ("tuning_steps", 10),
    ],
)
def test_what_changes_pixels_changes_the_fingerprint(path: str, value: Any) -> None:
    assert fingerprint(changed(path, value), "photo", "net") != BASE


def test_a_share_of_expected_colours_counts_where_features_are_fitted() -> None:
    before, none, half = (
        changed("feature_steps", 10) | share for share in ({}, {"colour_prior": 0.0}, {"colour_prior": 0.5})
    )
    assert (
        fingerprint(before, "photo", "net")
        == fingerprint(none, "photo", "net")
        != fingerprint(half, "photo", "net")
    )


def test_expected_colours_count_where_a_photo_may_have_none() -> None:
    ours = "inversion.degradations."
    for target, counts in (
        (f"{ours}grayscale.Grayscale", True),
        (f"{ours}compose.Compose", True),
        (f"{ours}auto.Auto", True),
        ("anybody.Faded", True),
        (f"{ours}blur.GaussianBlur", False),
        (f"{ours}inpaint.Inpaint", False),
    ):
        config = changed("degradation._target_", target) | {"feature_steps": 10}
        none, half = (fingerprint(config | {"colour_prior": share}, "photo", "net") for share in (0.0, 0.5))
        assert (half != none) == counts


@pytest.mark.parametrize(("mask", "counts"), [("auto", True), ("none", False), (None, False)])
def test_what_the_search_cannot_explain_counts_where_it_is_filled_in(mask: str | None, counts: bool) -> None:
    auto = {"_target_": "inversion.degradations.auto.Auto", "mask": mask}
    before, kept, filled = (
        fingerprint(CONFIG | {"degradation": auto | share}, "photo", "net")
        for share in ({}, {"unexplained": False}, {"unexplained": True})
    )
    assert before == kept and (filled != kept) == counts


def test_an_expected_face_counts_where_a_photo_may_hide_the_face() -> None:
    ours = "inversion.degradations."
    for target, counts in (
        (f"{ours}downsample.Downsample", True),
        (f"{ours}inpaint.Inpaint", True),
        (f"{ours}auto.Auto", True),
        ("anybody.Faded", True),
        (f"{ours}grayscale.Grayscale", False),
        (f"{ours}none.NoDegradation", False),
    ):
        config = changed("degradation._target_", target) | {"feature_steps": 10}
        before, none, half = (
            fingerprint(config | share, "photo", "net")
            for share in ({}, {"face_prior": 0.0}, {"face_prior": 0.5})
        )
        assert before == none and (half != none) == counts


def test_the_rate_of_tuning_counts_where_there_is_tuning() -> None:
    slow, fast = (changed("tuning_steps", 10) | {"tuning_rate": rate} for rate in (1e-4, 1e-3))
    assert fingerprint(slow, "photo", "net") != fingerprint(fast, "photo", "net")


def test_other_contents_of_photo_or_checkpoint_are_another_run() -> None:
    assert len({BASE, fingerprint(CONFIG, "photo 2", "net"), fingerprint(CONFIG, "photo", "net 2")}) == 3


def test_the_order_of_the_keys_is_no_matter() -> None:
    assert fingerprint(dict(reversed(CONFIG.items())), "photo", "net") == BASE


@pytest.mark.parametrize("key", ["degradation.mask", "input.align.landmarks", "start"])
def test_of_a_mask_landmark_or_latents_file_the_content_counts_and_not_the_path(
    tmp_path: Path, key: str
) -> None:
    for name, content in [("a", b"1"), ("b", b"1"), ("c", b"2")]:
        (tmp_path / name).write_bytes(content)
    a, b, c = (fingerprint(changed(key, str(tmp_path / name)), "photo", "net") for name in "abc")
    assert a == b != c
    (tmp_path / "a").write_bytes(b"22")
    assert fingerprint(changed(key, str(tmp_path / "a")), "photo", "net") != a


def test_a_mask_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="mask must be a file"):
        fingerprint(changed("degradation.mask", str(tmp_path / "no.png")), "photo", "net")
