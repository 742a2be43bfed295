"""Our own format keeps everything, bit for bit, and trusts nothing."""

from __future__ import annotations

import dataclasses
import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from inversion.checkpoints import Checkpoint, load
from inversion.checkpoints.safetensors_file import save
from inversion.errors import CheckpointError
from inversion.generator.discriminator import Discriminator
from inversion.generator.stylegan2 import Generator


@pytest.fixture
def checkpoint(tiny_generator: Generator, tiny_discriminator: Discriminator) -> Checkpoint:
    return Checkpoint(
        tiny_generator.architecture,
        dict(tiny_generator.state_dict()),
        tiny_discriminator.architecture,
        dict(tiny_discriminator.state_dict()),
        w_std=3.25,
        license="CC0",
        description="random numbers",
        source="a test",
    )


def test_everything_survives_bit_for_bit(checkpoint: Checkpoint, tmp_path: Path) -> None:
    save(checkpoint, tmp_path / "net.safetensors")
    read = load(tmp_path / "net.safetensors")
    for name in ("architecture", "discriminator_architecture", "w_std", "license", "description", "source"):
        assert getattr(read, name) == getattr(checkpoint, name)
    assert checkpoint.discriminator is not None and read.discriminator is not None
    for ours, theirs in (
        (read.generator, checkpoint.generator),
        (read.discriminator, checkpoint.discriminator),
    ):
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_the_same_checkpoint_gives_the_same_bytes(checkpoint: Checkpoint, tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(checkpoint, tmp_path / name, half=True)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_halves_take_half_the_space_and_load_as_float32(checkpoint: Checkpoint, tmp_path: Path) -> None:
    for half in (False, True):
        save(checkpoint, tmp_path / str(half), half=half)
    assert (tmp_path / "True").stat().st_size < 0.65 * (tmp_path / "False").stat().st_size
    read = load(tmp_path / "True")
    for name, tensor in read.generator.items():
        assert tensor.dtype == torch.float32
        torch.testing.assert_close(tensor, checkpoint.generator[name], rtol=1e-3, atol=1e-3)
    assert torch.equal(read.w_avg, checkpoint.w_avg)  # vectors stay whole


def test_weights_beyond_float16_are_refused_as_halves(checkpoint: Checkpoint, tmp_path: Path) -> None:
    checkpoint.generator["mapping.fc0.weight"][0, 0] = 1e6
    with pytest.raises(CheckpointError, match="G.mapping.fc0.weight reaches beyond float16"):
        save(checkpoint, tmp_path / "net.safetensors", half=True)
    assert list(tmp_path.iterdir()) == []


def test_a_generator_may_stand_alone(checkpoint: Checkpoint, tmp_path: Path) -> None:
    alone = dataclasses.replace(checkpoint, discriminator=None, discriminator_architecture=None, w_std=None)
    save(alone, tmp_path / "net.safetensors")
    read = load(tmp_path / "net.safetensors")
    assert read.discriminator is None and read.discriminator_architecture is None and read.w_std is None


def test_channels_last_weights_are_saved_as_they_are_meant(checkpoint: Checkpoint, tmp_path: Path) -> None:
    turned = {
        k: v.to(memory_format=torch.channels_last) if v.ndim == 4 else v
        for k, v in checkpoint.generator.items()
    }
    save(dataclasses.replace(checkpoint, generator=turned), tmp_path / "net.safetensors")
    read = load(tmp_path / "net.safetensors").generator
    assert all(torch.equal(read[name], checkpoint.generator[name]) for name in read)


def test_a_folder_that_is_gone_is_named(checkpoint: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="gone/net.safetensors"):
        save(checkpoint, tmp_path / "gone" / "net.safetensors")


def test_a_file_that_cannot_be_written_leaves_the_old_one(checkpoint: Checkpoint, tmp_path: Path) -> None:
    target = tmp_path / "net.safetensors"
    target.mkdir()
    with pytest.raises(OSError):
        save(checkpoint, target)
    assert list(tmp_path.iterdir()) == [target]


def write(path: Path, checkpoint: Checkpoint, header: Any, **changes: Any) -> Path:
    tensors = {f"G.{k}": v for k, v in checkpoint.generator.items()}
    tensors |= {k.replace("__", "."): v for k, v in changes.items()}
    metadata = header if header is None or isinstance(header, dict) else {"inversion": header}
    save_file(tensors, path, metadata)
    return path


def header(checkpoint: Checkpoint, **changes: Any) -> str:
    architecture = dataclasses.asdict(checkpoint.architecture) | changes.pop("architecture", {})
    return json.dumps({"format": 1, "architecture": architecture, **changes})


BAD_ARCHITECTURES: list[tuple[dict[str, Any], str]] = [
    ({"img_resolution": 48}, "power of two"),
    ({"img_resolution": 1 << 60}, "power of two"),
    ({"img_resolution": "32"}, "whole numbers"),
    ({"mapping_layers": 1 << 40}, "out of bounds"),
    ({"channel_max": 1 << 40}, "out of bounds"),
    ({"w_dim": -1}, "whole numbers"),
    ({"channel_base": 1}, "no channels"),
    ({"architecture": "transformer"}, "skip, resnet or orig"),
    ({"conv_clamp": "high"}, "conv_clamp"),
    ({"img_resolution": 64}, "lacks synthesis.b64"),
    ({"mapping_layers": 1}, "mapping.fc1"),
    ({"colour": 1}, "architecture should have"),
]


@pytest.mark.parametrize(("change", "message"), BAD_ARCHITECTURES)
def test_an_architecture_that_does_not_fit_is_refused(
    change: dict[str, Any], message: str, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    path = write(tmp_path / "net.safetensors", checkpoint, header(checkpoint, architecture=change))
    with pytest.raises(CheckpointError, match=message):
        load(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "without the header entry"),
        ({"format": "pt"}, "without the header entry"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "should have format 1"),
        ('{"format": 2}', "should have format 1"),
        ('{"format": 1}', "architecture should have"),
    ],
)
def test_other_headers_are_refused(text: Any, message: str, checkpoint: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=message):
        load(write(tmp_path / "net.safetensors", checkpoint, text))


@pytest.mark.parametrize("w_std", [0, -1, "1", float("nan"), float("inf")])
def test_an_impossible_spread_is_refused(w_std: Any, checkpoint: Checkpoint, tmp_path: Path) -> None:
    path = write(tmp_path / "net.safetensors", checkpoint, header(checkpoint, w_std=w_std))
    with pytest.raises(CheckpointError, match="w_std should be a number > 0"):
        load(path)


def test_foreign_tensors_are_refused_by_name(checkpoint: Checkpoint, tmp_path: Path) -> None:
    path = write(tmp_path / "net.safetensors", checkpoint, header(checkpoint), E__more=torch.zeros(2))
    with pytest.raises(CheckpointError, match=r"named G.\* or D.\*. Got 'E.more'"):
        load(path)
    whole = torch.zeros(16, dtype=torch.int32)
    path = write(tmp_path / "net.safetensors", checkpoint, header(checkpoint), G__mapping__w_avg=whole)
    with pytest.raises(CheckpointError, match="floating point numbers. Got I32"):
        load(path)


def test_a_header_whose_length_starts_like_a_pickle_is_still_ours(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    path = tmp_path / "net.safetensors"
    for padding in range(0, 2048, 8):
        save(dataclasses.replace(checkpoint, description="x" * padding), path)
        if path.read_bytes()[:1] == b"\x80":
            break
    assert path.read_bytes()[:1] == b"\x80"
    assert load(path).description == "x" * padding


def test_truncated_and_lying_files_are_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    save(checkpoint, tmp_path / "whole")
    data = (tmp_path / "whole").read_bytes()
    lie = json.dumps({"G.x": {"dtype": "F32", "shape": [1 << 60], "data_offsets": [0, 1 << 62]}}).encode()
    lies = [struct.pack("<Q", len(lie)) + lie, struct.pack("<Q", 1 << 62) + b"{}"]
    for content in [*(data[:n] for n in range(0, len(data) - 1, len(data) // 30)), *lies]:
        (tmp_path / "cut").write_bytes(content)
        with pytest.raises(CheckpointError):
            load(tmp_path / "cut")
