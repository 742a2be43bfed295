"""rosinality's .pt against outputs of its own code (tests/reference)."""

from __future__ import annotations

import argparse
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from inversion.checkpoints import load
from inversion.errors import CheckpointError
from inversion.generator.discriminator import Discriminator
from inversion.generator.statistics import w_statistics
from inversion.generator.stylegan2 import Generator
from tests.inversion.checkpoints import written


@pytest.mark.parametrize("legacy", [False, True])
def test_a_file_gives_rosinalitys_pictures(legacy: bool, tmp_path: Path) -> None:
    checkpoint = load(written.rosinality(tmp_path / "net.pt", legacy=legacy))
    arrays = written.reference("rosinality")
    r = {k: torch.from_numpy(v) for k, v in arrays.items() if "." not in k}
    generator = Generator(checkpoint.architecture).requires_grad_(False)
    generator.load_state_dict(checkpoint.generator)
    noises = generator.synthesis.noise_constants(2)
    # measured: 1.7e-6
    torch.testing.assert_close(generator.synthesis(r["ws_plus"], noises), r["image"], rtol=0, atol=1e-4)
    torch.testing.assert_close(generator.mapping(r["z"]), r["ws"], rtol=0, atol=1e-4)
    torch.testing.assert_close(generator.mapping(r["z"], None, 0.6), r["ws_truncated"], rtol=0, atol=1e-4)
    assert checkpoint.discriminator is not None and checkpoint.discriminator_architecture is not None
    discriminator = Discriminator(checkpoint.discriminator_architecture).requires_grad_(False)
    discriminator.load_state_dict(checkpoint.discriminator)
    torch.testing.assert_close(discriminator(r["d_image"]), r["d_logits"], rtol=0, atol=1e-4)


def test_a_file_without_a_mean_gets_the_measured_one(tmp_path: Path) -> None:
    checkpoint = load(written.rosinality(tmp_path / "net.pt", drop=("latent_avg", "d")))
    generator = Generator(checkpoint.architecture)
    generator.load_state_dict(checkpoint.generator)
    torch.testing.assert_close(checkpoint.w_avg, w_statistics(generator.mapping)[0])
    assert checkpoint.discriminator is None


def test_what_the_trainer_saves_besides_is_no_obstacle(tmp_path: Path) -> None:
    more: dict[str, Any] = {
        "args": argparse.Namespace(size=16, ckpt=None),
        "g_optim": {"state": {}, "lr": 0.1},
        "ada_aug_p": 0.2,
    }
    assert load(written.rosinality(tmp_path / "net.pt", **more)).architecture.img_resolution == 16


class Evil:
    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.canary}",)


@pytest.mark.parametrize("legacy", [False, True])
def test_code_is_refused_by_name_and_not_run(legacy: bool, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    path = written.rosinality(tmp_path / "net.pt", legacy=legacy, note=Evil(canary))
    with pytest.raises(CheckpointError, match="asks for 'posix.system'"):
        load(path)
    assert not canary.exists()


def renamed(tmp_path: Path, **changes: Any) -> Path:
    """A file with g_ema's tensors changed (None: left out)."""
    tensors: dict[str, Any] = dict(written.weights(written.reference("rosinality"), "g_ema."))
    for name, value in changes.items():
        tensors[name] = value
    return written.rosinality(tmp_path / "net.pt", g_ema={k: v for k, v in tensors.items() if v is not None})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("conv1.activate.bias", None, "lacks synthesis.b4.conv1.bias"),
        ("convs.0.attention.weight", torch.zeros(2), "holds convs.0.attention.weight, which does not belong"),
        ("input.input", torch.zeros(1, 5, 4, 4), r"should be \[6, 4, 4\]. Got \[5, 4, 4\]"),
        ("input.input", "text", "should be a tensor of floating point numbers. Got str"),
        ("input.input", torch.zeros(()).expand(1, 6, 4, 4), "its data disagree"),
        ("convs.0.conv.blur.kernel", torch.ones(3, 3), "not the filter"),
    ],
)
def test_other_tensors_are_refused_by_name(name: str, value: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=message):
        load(renamed(tmp_path, **{name: value}))


@pytest.mark.parametrize("content", [{"model": {}}, [1, 2], torch.zeros(3)])
def test_other_torch_files_are_refused(content: Any, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "net.pt")
    with pytest.raises(CheckpointError, match="a .pt checkpoint should"):
        load(tmp_path / "net.pt")


def test_compressed_archives_are_refused_unopened(tmp_path: Path) -> None:
    plain = written.rosinality(tmp_path / "plain.pt")
    with (
        zipfile.ZipFile(plain) as source,
        zipfile.ZipFile(tmp_path / "net.pt", "w", zipfile.ZIP_DEFLATED) as out,
    ):
        for entry in source.infolist():
            out.writestr(entry.filename, source.read(entry))
    with pytest.raises(CheckpointError, match="compressed archive"):
        load(tmp_path / "net.pt")


@pytest.mark.parametrize("legacy", [False, True])
def test_every_truncation_is_refused(legacy: bool, tmp_path: Path) -> None:
    data = written.rosinality(tmp_path / "whole.pt", legacy=legacy).read_bytes()
    for length in range(0, len(data) - 1, len(data) // 40):
        (tmp_path / "cut.pt").write_bytes(data[:length])
        with pytest.raises(CheckpointError):
            load(tmp_path / "cut.pt")
