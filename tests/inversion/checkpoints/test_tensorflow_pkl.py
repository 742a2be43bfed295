"""The TensorFlow dialect against NVIDIA's own conversion of the same variables (tests/reference)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from inversion.checkpoints import load
from inversion.checkpoints.inert_pickle import Call
from inversion.checkpoints.tensorflow_pkl import NETWORK, recognizes
from inversion.errors import CheckpointError
from inversion.generator.discriminator import Discriminator
from inversion.generator.stylegan2 import Generator
from tests.inversion.checkpoints import written


def test_a_tensorflow_file_gives_nvidias_pictures(tmp_path: Path) -> None:
    checkpoint = load(written.tensorflow(tmp_path / "net.pkl"))
    r = {k: torch.from_numpy(v) for k, v in written.reference("tensorflow").items() if ":" not in k}
    generator = Generator(checkpoint.architecture).requires_grad_(False)
    generator.load_state_dict(checkpoint.generator)
    noises = generator.synthesis.noise_constants(2)
    # measured: 2.4e-6
    torch.testing.assert_close(generator.synthesis(r["ws_plus"], noises), r["image"], rtol=0, atol=1e-4)
    torch.testing.assert_close(generator.mapping(r["z"]), r["ws"], rtol=0, atol=1e-4)
    torch.testing.assert_close(generator.mapping(r["z"], None, 0.6), r["ws_truncated"], rtol=0, atol=1e-4)
    assert checkpoint.discriminator is not None and checkpoint.discriminator_architecture is not None
    discriminator = Discriminator(checkpoint.discriminator_architecture).requires_grad_(False)
    discriminator.load_state_dict(checkpoint.discriminator)
    torch.testing.assert_close(discriminator(r["d_image"]), r["d_logits"], rtol=0, atol=1e-4)


def test_settings_that_shapes_cannot_show_are_taken_over(tmp_path: Path) -> None:
    checkpoint = load(written.tensorflow(tmp_path / "net.pkl", conv_clamp=256, mbstd_group_size=8))
    assert checkpoint.architecture.conv_clamp == 256
    assert checkpoint.discriminator_architecture is not None
    assert checkpoint.discriminator_architecture.mbstd_group_size == 8
    assert checkpoint.source.startswith("net.pkl (NVIDIA TensorFlow pickle")


def test_source_code_in_the_file_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    canary = tmp_path / "canary"
    monkeypatch.setattr(written, "SOURCE", f"open({str(canary)!r}, 'w').close()")
    path = written.tensorflow(tmp_path / "net.pkl")
    assert b"canary" in path.read_bytes()
    load(path)
    assert not canary.exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"nonlinearity": "relu"}, "nonlinearity should be lrelu"),
        ({"resample_kernel": [1, 2, 1]}, r"resample_kernel should be \[1, 3, 3, 1\]"),
        ({"mapping_lrmul": 0.1}, "mapping_lrmul should be 0.01. Got 0.1"),
        ({"normalize_latents": False}, "not supported: normalize_latents"),
        ({"use_spectral_norm": True}, "not supported: use_spectral_norm"),
    ],
)
def test_other_settings_are_refused_by_name(settings: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=message):
        load(written.tensorflow(tmp_path / "net.pkl", **settings))


def changed(path: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Path:
    """A file whose variables were changed by name (None: left out)."""
    arrays = written.reference("tensorflow")
    for name, value in changes.items():
        arrays.pop("TF:" + name, None)
        if value is not None:
            arrays["TF:" + name] = value
    monkeypatch.setattr(written, "reference", lambda name: arrays)
    return written.tensorflow(path)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("G/synthesis/8x8/Conv1/bias", None, "lacks synthesis.b8.conv1.bias"),
        ("G/dlatent_avg", torch.zeros(15).numpy(), r"w_avg should be \[16\]"),
        (
            "G/synthesis/8x8/StyleMod/weight",
            torch.zeros(2).numpy(),
            "'synthesis/8x8/StyleMod/weight' does not",
        ),
        ("G/synthesis/8x8/Conv1/weight", torch.zeros(2).numpy(), "unexpected shape"),
        ("G/synthesis/noise99", torch.zeros(1, 1, 2, 2).numpy(), "conv0.noise_const"),
        ("D/Output/bias", torch.zeros(1, dtype=torch.int32).numpy(), "floating point numbers. Got int32"),
    ],
)
def test_other_variables_are_refused_by_name(
    name: str, value: Any, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CheckpointError, match=message):
        load(changed(tmp_path / "net.pkl", monkeypatch, **{name: value}))


def test_stylegan1_is_refused(tmp_path: Path) -> None:
    net = written.Network(version=3, static_kwargs={}, components={}, variables=[])
    with pytest.raises(CheckpointError, match="version 3, from StyleGAN1"):
        load(written.dump(tmp_path / "net.pkl", (net, net, net)))


def test_tuples_of_other_things_are_refused(tmp_path: Path) -> None:
    net = written.Network(version=4, static_kwargs={}, components={}, variables=[])
    with pytest.raises(CheckpointError, match="three networks. Got 2"):
        load(written.dump(tmp_path / "two.pkl", (net, net)))
    with pytest.raises(CheckpointError, match="Got a dict among them"):
        load(written.dump(tmp_path / "dict.pkl", (net, net, {})))
    with pytest.raises(CheckpointError, match="list of"):
        load(
            written.dump(
                tmp_path / "list.pkl", (net, net, written.Network(version=4, static_kwargs={}, variables=1))
            )
        )


def test_only_tuples_of_networks_are_recognised() -> None:
    assert recognizes((Call(NETWORK, ()),))
    assert not recognizes({"G_ema": Call(NETWORK, ())})
    assert not recognizes((1, 2, 3))
