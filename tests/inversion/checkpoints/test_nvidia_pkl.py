"""NVIDIA's PyTorch dialects, on files that we wrote with the reference nets' weights."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from inversion.checkpoints import load, nvidia_pkl
from inversion.checkpoints.budget import Budget
from inversion.checkpoints.inert_pickle import Call
from inversion.checkpoints.nvidia_layers import PERSISTENT
from inversion.errors import CheckpointError
from inversion.generator.architecture import Architecture
from inversion.generator.discriminator import Discriminator
from inversion.generator.stylegan2 import Generator
from tests.inversion.checkpoints import written

NETS = {"skip": None, "resnet": 1.5, "orig": None, "conditional": None}


def save(path: Path, **nets: Any) -> Path:
    return written.dump(path, nets)


@pytest.fixture
def g() -> dict[str, Tensor]:
    return written.weights(written.reference("nvidia_skip"), "G.")


@pytest.fixture
def d() -> dict[str, Tensor]:
    return written.weights(written.reference("nvidia_skip"), "D.")


@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize("name", NETS)
def test_a_file_gives_the_averaged_generator_and_nvidias_pictures(
    name: str, protocol: int, tmp_path: Path
) -> None:
    checkpoint = load(written.nvidia(tmp_path / "net.pkl", name, protocol, NETS[name]))
    r = {k: torch.from_numpy(v) for k, v in written.reference(f"nvidia_{name}").items()}
    generator = Generator(checkpoint.architecture).requires_grad_(False)
    generator.load_state_dict(checkpoint.generator)
    noises = generator.synthesis.noise_constants(2)
    torch.testing.assert_close(generator.synthesis(r["ws_plus"], noises), r["image"], rtol=0, atol=1e-4)
    torch.testing.assert_close(generator.mapping(r["z"], r.get("c")), r["ws"], rtol=0, atol=1e-4)
    assert checkpoint.discriminator is not None and checkpoint.discriminator_architecture is not None
    discriminator = Discriminator(checkpoint.discriminator_architecture).requires_grad_(False)
    discriminator.load_state_dict(checkpoint.discriminator)
    logits = discriminator(r["d_image"], r.get("d_c"))
    torch.testing.assert_close(logits, r["d_logits"], rtol=0, atol=1e-4)


def test_the_architecture_comes_from_the_tensors(tmp_path: Path) -> None:
    a = load(written.nvidia(tmp_path / "net.pkl", "conditional", clamp=256)).architecture
    assert isinstance(a, Architecture)
    assert (a.img_resolution, a.channel_base, a.channel_max, a.img_channels) == (16, 48, 6, 3)
    assert (a.z_dim, a.c_dim, a.w_dim, a.mapping_layers, a.architecture) == (12, 3, 16, 2, "skip")
    assert a.conv_clamp == 256 and isinstance(a.conv_clamp, float)


def test_source_and_hash_are_kept(tmp_path: Path) -> None:
    checkpoint = load(written.nvidia(tmp_path / "net.pkl"))
    assert checkpoint.source.startswith("net.pkl (NVIDIA PyTorch pickle, sha256 ")
    assert len(checkpoint.sha256) == 64 and checkpoint.sha256 in checkpoint.source
    assert checkpoint.w_std is None and checkpoint.w_avg.shape == (16,)


def test_source_code_in_the_file_is_never_run(g: dict[str, Tensor], tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    source = f"open({str(canary)!r}, 'w').close()\nraise SystemExit('executed')"
    path = save(tmp_path / "net.pkl", G_ema=written.generator_layer(g, source=source))
    assert canary.name.encode() in path.read_bytes()
    load(path)
    assert not canary.exists()


def test_tensors_are_float32_whatever_the_file_stores(g: dict[str, Tensor], tmp_path: Path) -> None:
    halves = {k: v.half() if v.ndim == 4 else v.double() for k, v in g.items()}
    strided = {k: v.to(memory_format=torch.channels_last) if v.ndim == 4 else v for k, v in halves.items()}
    checkpoint = load(save(tmp_path / "net.pkl", G_ema=written.generator_layer(strided)))
    for name, tensor in checkpoint.generator.items():
        assert tensor.dtype == torch.float32 and tensor.is_contiguous()
        torch.testing.assert_close(tensor, g[name], rtol=1e-3, atol=1e-3)


def test_a_net_without_noise_or_mean_is_completed(g: dict[str, Tensor], tmp_path: Path) -> None:
    bare = {k: v for k, v in g.items() if "noise" not in k and k != "mapping.w_avg"}
    checkpoint = load(save(tmp_path / "net.pkl", G_ema=written.generator_layer(bare)))
    assert checkpoint.generator["synthesis.b16.conv0.noise_strength"] == 0
    generator = Generator(checkpoint.architecture)
    generator.load_state_dict(checkpoint.generator)
    mean = generator.mapping(torch.randn(20_000, 12, generator=torch.Generator().manual_seed(5)))[:, 0].mean(
        0
    )
    torch.testing.assert_close(checkpoint.w_avg, mean, rtol=0, atol=0.05)


def test_a_missing_discriminator_is_none(g: dict[str, Tensor], tmp_path: Path) -> None:
    checkpoint = load(save(tmp_path / "net.pkl", G_ema=written.generator_layer(g), D=None))
    assert checkpoint.discriminator is None and checkpoint.discriminator_architecture is None


def test_a_foreign_discriminator_is_left_out_with_a_warning(
    g: dict[str, Tensor], d: dict[str, Tensor], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = written.discriminator_layer(d, class_name="ProjectedDiscriminator")
    checkpoint = load(save(tmp_path / "net.pkl", G_ema=written.generator_layer(g), D=other))
    assert checkpoint.discriminator is None
    assert "ProjectedDiscriminator" in caplog.text


def without(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {k: v for k, v in tensors.items() if k != name}


WRONG: dict[str, tuple[Any, str]] = {
    "a missing layer": (lambda g: without(g, "synthesis.b8.conv1.bias"), "lacks synthesis.b8.conv1.bias"),
    "a missing block": (
        lambda g: {k: v for k, v in g.items() if not k.startswith("synthesis.b8.")},
        "not those of a StyleGAN2",
    ),
    "no mapping": (lambda g: {k: v for k, v in g.items() if "mapping" not in k}, "no mapping network"),
    "an extra layer": (
        lambda g: {**g, "synthesis.b8.attention.weight": torch.zeros(2)},
        "synthesis.b8.attention.weight",
    ),
    "a wrong shape": (lambda g: {**g, "mapping.w_avg": torch.zeros(15)}, r"should be \[16\]. Got \[15\]"),
    "nan": (lambda g: {**g, "mapping.w_avg": torch.full([16], torch.nan)}, "nan or inf"),
    "odd channels": (
        lambda g: {**g, "synthesis.b8.conv1.weight": torch.zeros(5, 5, 3, 3)},
        "follow no StyleGAN2 rule",
    ),
    "another filter": (lambda g: {**g, "synthesis.b8.resample_filter": torch.ones(2, 2) / 4}, "the filter"),
    "whole numbers": (
        lambda g: {**g, "mapping.w_avg": torch.zeros(16, dtype=torch.int64)},
        "floating point numbers",
    ),
}


@pytest.mark.parametrize("fault", WRONG)
def test_other_tensors_are_refused_by_name(fault: str, g: dict[str, Tensor], tmp_path: Path) -> None:
    change, message = WRONG[fault]
    path = save(tmp_path / "net.pkl", G_ema=written.generator_layer(change(g)))
    with pytest.raises(CheckpointError, match=message):
        load(path)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"img_resolution": 32}, "says img_resolution=32, its tensors say 16"),
        ({"w_dim": 512}, "says w_dim=512"),
        ({"activation": "relu"}, "leaky ReLU"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(
    attributes: dict[str, Any], message: str, g: dict[str, Tensor], tmp_path: Path
) -> None:
    path = save(tmp_path / "net.pkl", G_ema=written.generator_layer(g, **attributes))
    with pytest.raises(CheckpointError, match=message):
        load(path)


def test_another_learning_rate_multiplier_is_refused(g: dict[str, Tensor], tmp_path: Path) -> None:
    layer = written.network("Generator", g, {"mapping.fc0": {"bias_gain": 0.1}})
    with pytest.raises(CheckpointError, match=r"mapping.fc0: only .* 0.01"):
        load(save(tmp_path / "net.pkl", G_ema=layer))


@pytest.mark.parametrize(
    ("nets", "message"),
    [
        ({"D": 1}, "should hold G_ema"),
        ({"G": 1}, "one of NVIDIA's layers. Got int"),
        ({"G_ema": {"weights": 1}}, "one of NVIDIA's layers. Got dict"),
        ({"G_ema": None}, "should hold G_ema"),
    ],
)
def test_pickles_of_something_else_are_refused(nets: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=message):
        load(save(tmp_path / "net.pkl", **nets))


def test_a_list_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="should be a dictionary with names as keys. Got list"):
        load(written.dump(tmp_path / "net.pkl", [1, 2]))


def test_layers_multiplied_by_reference_are_refused(tmp_path: Path) -> None:
    layers = {
        str(i): written.Layer("Part", {"_parameters": {}, "_buffers": {}, "_modules": {}}) for i in range(9)
    }
    for i in range(8):  # 9^8 layers if all were visited
        layers[str(i)].meta["state"]["_modules"] = {f"a{k}": layers[str(i + 1)] for k in range(9)}
    with pytest.raises(CheckpointError, match="more than 100,000 layers and values"):
        load(save(tmp_path / "net.pkl", G_ema=layers["0"]))


def test_a_layer_within_itself_is_refused() -> None:
    call = Call(PERSISTENT, ())
    state = {"_parameters": {}, "_buffers": {}, "_modules": {"again": call}}
    call.arguments = ({"type": "class", "class_name": "Generator", "state": state},)
    with pytest.raises(CheckpointError, match="without end"):
        nvidia_pkl.convert({"G_ema": call}, Budget(1000), {})


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    data = written.nvidia(tmp_path / "whole.pkl").read_bytes()
    path = tmp_path / "cut.pkl"
    for length in range(0, len(data) - 1, len(data) // 40):
        path.write_bytes(data[:length])
        with pytest.raises(CheckpointError):
            load(path)


class Evil:
    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.canary}",)


class Storage:
    """A tensor whose numbers are any bytes: what torch would load by torch.load, code and all."""

    def __init__(self, data: bytes, size: tuple[int, ...], stride: tuple[int, ...], offset: int = 0) -> None:
        self.data, self.layout = data, (offset, size, stride)

    def __reduce__(self) -> Any:
        return torch._utils._rebuild_tensor_v2, (Numbers(self.data), *self.layout, False, {})


class Numbers:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def __reduce__(self) -> Any:
        return torch.storage._load_from_bytes, (self.data,)


def numbers(value: Any, zipped: bool = False) -> bytes:
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


def with_storage(g: dict[str, Tensor], tmp_path: Path, storage: Storage) -> Path:
    layer = written.generator_layer(g)
    layer.meta["state"]["_modules"]["mapping"].meta["state"]["_buffers"]["w_avg"] = storage
    return save(tmp_path / "net.pkl", G_ema=layer)


@pytest.mark.parametrize("zipped", [False, True])
def test_code_nested_in_a_tensors_numbers_is_refused(
    zipped: bool, g: dict[str, Tensor], tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    evil = numbers({"x": Evil(canary)}, zipped)
    path = with_storage(g, tmp_path, Storage(evil, (16,), (1,)))
    with pytest.raises(CheckpointError, match="storage format" if zipped else "posix.system"):
        load(path)
    assert not canary.exists()
    torch.load(io.BytesIO(evil), weights_only=False)
    assert canary.exists()  # the trap itself works


def test_a_bare_pickle_in_place_of_numbers_is_refused(g: dict[str, Tensor], tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    path = with_storage(g, tmp_path, Storage(pickle.dumps(Evil(canary)), (16,), (1,)))
    with pytest.raises(CheckpointError, match="storage format"):
        load(path)
    assert not canary.exists()


@pytest.mark.parametrize(
    ("size", "stride", "offset"),
    [
        ((1 << 35,), (0,), 0),  # 128 GB out of 64 bytes
        ((16,), (1,), 1),
        ((16,), (2,), 0),
        ((4, 4), (1,), 0),
        ((-16,), (1,), 0),
        ((16,), (-1,), 15),
        ((1,) * 70, (1,) * 70, 0),
    ],
)
def test_impossible_shapes_are_refused_before_any_memory_is_taken(
    size: tuple[int, ...], stride: tuple[int, ...], offset: int, g: dict[str, Tensor], tmp_path: Path
) -> None:
    path = with_storage(g, tmp_path, Storage(numbers_of(torch.zeros(16)), size, stride, offset))
    with pytest.raises(CheckpointError, match="the file is damaged"):
        load(path)


def numbers_of(tensor: Tensor) -> bytes:
    """A tensor's storage as torch pickles it."""
    tree = pickle.dumps(tensor)
    start = tree.index(b"\x80\x02\x8a\x0a")
    length = int.from_bytes(tree[start - 4 : start], "little")
    return tree[start : start + length]


def test_damaged_numbers_are_refused(g: dict[str, Tensor], tmp_path: Path) -> None:
    data = numbers_of(torch.zeros(16))
    for cut in (data[:-3], data[:40]):
        with pytest.raises(CheckpointError, match="truncated or damaged|plain weights"):
            load(with_storage(g, tmp_path, Storage(cut, (16,), (1,))))


def test_one_storage_used_again_and_again_is_refused(g: dict[str, Tensor], tmp_path: Path) -> None:
    shared = Numbers(numbers_of(torch.zeros(1 << 20)))

    class View:
        def __reduce__(self) -> Any:
            return torch._utils._rebuild_tensor_v2, (shared, 0, (1 << 20,), (1,), False, {})

    layer = written.generator_layer(g)
    layer.meta["state"]["_buffers"] = {f"b{i}": View() for i in range(140)}
    with pytest.raises(CheckpointError, match="larger than the file"):
        load(save(tmp_path / "net.pkl", G_ema=layer))
