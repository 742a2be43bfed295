"""What forks of both repositories save is read, with the numbers of the file that they started from."""

from __future__ import annotations

import argparse
import pathlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from inversion.checkpoints import Checkpoint, load
from inversion.errors import CheckpointError
from inversion.generator.stylegan2 import Generator
from tests.inversion.checkpoints import written


def nets(kind: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Generator and discriminator: `nvidia_skip` or `rosinality`."""
    arrays = written.reference(kind)
    g, d = ("g_ema.", "d.") if kind == "rosinality" else ("G.", "D.")
    return written.weights(arrays, g), written.weights(arrays, d)


def saved(path: Path, content: Any, legacy: bool = False) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    return path


def same(a: Checkpoint, b: Checkpoint, but: str = "(nothing)") -> None:
    assert a.architecture == b.architecture and a.generator.keys() == b.generator.keys()
    assert all(torch.equal(a.generator[name], b.generator[name]) for name in a.generator if but not in name)


@pytest.fixture
def nvidia(tmp_path: Path) -> Checkpoint:
    return load(written.nvidia(tmp_path / "nvidia.pkl"))


@pytest.fixture
def rosinality(tmp_path: Path) -> Checkpoint:
    return load(written.rosinality(tmp_path / "rosinality.pt"))


NVIDIA: dict[str, Callable[[dict[str, Tensor], dict[str, Tensor]], Any]] = {
    "G_ema and D": lambda g, d: {"G_ema": g, "D": d, "cur_nimg": 1000},
    "g_ema and d": lambda g, d: {"g_ema": g, "d": d},
    "with resampling filters": lambda g, d: {
        "G_ema": {**g, "synthesis.b8.resample_filter": written.FIR},
        "D": d,
    },
    "a state dict alone": lambda g, d: g,
    "of DataParallel": lambda g, d: {"G_ema": {f"module.{k}": v for k, v in g.items()}},
    "G alone": lambda g, d: {"G": g},
}


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("name", NVIDIA)
def test_state_dicts_with_nvidias_names(name: str, legacy: bool, nvidia: Checkpoint, tmp_path: Path) -> None:
    read = load(saved(tmp_path / "net.pt", NVIDIA[name](*nets("nvidia_skip")), legacy))
    same(read, nvidia)
    assert (read.discriminator is not None) == (
        name in ("G_ema and D", "g_ema and d", "with resampling filters")
    )


BESIDE: dict[str, Any] = {
    "a numpy scalar": np.float64(0.6),
    "a numpy array": np.arange(3.0),
    "paths": [pathlib.Path("faces"), pathlib.PurePosixPath("a/b")],
    "a Namespace": argparse.Namespace(size=16, path=pathlib.Path("x")),
    "a shape, a type, a device": (torch.Size([1, 2]), torch.float16, torch.device("cpu")),
    "whole numbers in tensors": torch.arange(5),
    "an optimizer": torch.optim.Adam([torch.nn.Parameter(torch.zeros(2))]).state_dict(),
    "a set": {1, 2},
}


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("name", BESIDE)
def test_what_lies_beside_the_tensors_is_no_obstacle(
    name: str, legacy: bool, rosinality: Checkpoint, tmp_path: Path
) -> None:
    path = written.rosinality(tmp_path / "net.pt", legacy=legacy, more=BESIDE[name])
    same(load(path), rosinality)


@pytest.mark.parametrize("legacy", [False, True])
def test_rosinalitys_nets_of_data_parallel(legacy: bool, rosinality: Checkpoint, tmp_path: Path) -> None:
    g, d = ({f"module.{k}": v for k, v in net.items()} for net in nets("rosinality"))
    read = load(written.rosinality(tmp_path / "net.pt", legacy=legacy, g_ema=g, d=d))
    same(read, rosinality)
    assert read.discriminator is not None and rosinality.discriminator is not None
    assert all(torch.equal(read.discriminator[k], v) for k, v in rosinality.discriminator.items())


def test_rosinalitys_state_dict_alone(rosinality: Checkpoint, tmp_path: Path) -> None:
    same(load(saved(tmp_path / "net.pt", nets("rosinality")[0])), rosinality, but="w_avg")


def test_missing_noise_maps_are_drawn_once_and_for_all(rosinality: Checkpoint, tmp_path: Path) -> None:
    g = {k: v for k, v in nets("rosinality")[0].items() if not k.startswith("noises.")}
    path = written.rosinality(tmp_path / "net.pt", g_ema=g)
    read, again = load(path), load(path)
    same(read, rosinality, but="noise_const")
    same(read, again)
    map_ = read.generator["synthesis.b16.conv1.noise_const"]
    assert map_.shape == (16, 16) and abs(map_.mean()) < 0.25 and abs(map_.std() - 1) < 0.25
    strengths = [v for k, v in read.generator.items() if k.endswith("noise_strength")]
    assert any(strength != 0 for strength in strengths)
    # With the noise maps that the search brings along, the pictures are those of the whole file.
    ws = torch.randn(1, read.architecture.num_ws, read.architecture.w_dim)
    noises = [torch.randn(1, 1, side, side) for side in read.architecture.noise_resolutions]
    pictures = []
    for checkpoint in (read, rosinality):
        generator = Generator(checkpoint.architecture).requires_grad_(False)
        generator.load_state_dict(checkpoint.generator)
        pictures.append(generator.synthesis(ws, noises))
    assert torch.equal(*pictures)


@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol_of_pickle(protocol: int, nvidia: Checkpoint, tmp_path: Path) -> None:
    same(load(written.nvidia(tmp_path / "net.pkl", protocol=protocol)), nvidia)
    four, other = (load(written.tensorflow(tmp_path / f"{p}.pkl", protocol=p)) for p in (4, protocol))
    same(four, other)


@pytest.mark.parametrize("protocol", range(6))
def test_a_generator_pickled_alone(protocol: int, nvidia: Checkpoint, tmp_path: Path) -> None:
    g, _ = nets("nvidia_skip")
    layer = written.generator_layer(g, img_resolution=16)
    same(load(written.dump(tmp_path / "a.pkl", layer, protocol)), nvidia)
    same(load(written.dump(tmp_path / "b.pkl", {"G": layer}, protocol)), nvidia)


def test_nvidias_networks_inside_a_torch_file(nvidia: Checkpoint, tmp_path: Path) -> None:
    with written.foreign_modules():
        saved(tmp_path / "net.pt", {"G_ema": written.generator_layer(nets("nvidia_skip")[0])})
    same(load(tmp_path / "net.pt"), nvidia)


def test_whole_modules_and_programs_are_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"asks for 'torch.nn.*save its state_dict\(\) instead"):
        load(saved(tmp_path / "net.pt", {"g_ema": torch.nn.Linear(2, 2)}))


# Networks that cannot be searched.


def turned(path: Path, change: Callable[[dict[str, Tensor], dict[str, Tensor]], None]) -> Path:
    g, d = nets("nvidia_skip")
    change(g, d)
    return saved(path, {"G_ema": g, "D": d})


def channels(count: int) -> Callable[[dict[str, Tensor], dict[str, Tensor]], None]:
    def change(g: dict[str, Tensor], d: dict[str, Tensor]) -> None:
        for name in [name for name in g if ".torgb." in name and "affine" not in name]:
            g[name] = torch.zeros(count, *g[name].shape[1:])

    return change


def grey_discriminator(g: dict[str, Tensor], d: dict[str, Tensor]) -> None:
    for name in [name for name in d if name.endswith("fromrgb.weight")]:
        d[name] = d[name][:, :1]


def smaller_generator(g: dict[str, Tensor], d: dict[str, Tensor]) -> None:
    for name in [name for name in g if name.startswith("synthesis.b16.")]:
        del g[name]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (channels(1), "draws pictures of 1 channels. Photos have 3"),
        (channels(4), "draws pictures of 4 channels. Photos have 3"),
        (grey_discriminator, "looks at pictures of 1 channels, its generator draws 3.*loss=lpips"),
        (smaller_generator, "resolution should be a power of two, 16 to 4096 px. Got 8"),
    ],
)
def test_networks_that_cannot_work_are_refused(change: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=message):
        load(turned(tmp_path / "net.pt", change))
