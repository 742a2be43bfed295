from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from inversion.errors import ConfigError
from inversion.latents.latents_file import load_latents, load_start, save_latents
from tests.conftest import TINY, FullDisk

WS = torch.linspace(-1, 1, 1 * 4 * 8).reshape(1, 4, 8)
NOISES = [torch.full((1, size, size), float(size)) for size in (4, 8, 8)]


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "latents.npz"
    # noise_10 sorts before noise_2
    noises = [*NOISES, *[torch.full((1, 16, 16), float(i)) for i in range(9)]]
    save_latents(path, WS, noises, seed=7, extra={"generator": "portraits", "psnr": 24.1})
    read = load_latents(path)
    assert torch.equal(read.ws, WS)
    assert all(torch.equal(a, b) for a, b in zip(read.noises, noises, strict=True))
    assert (read.seed, read.extra) == (7, {"generator": "portraits", "psnr": 24.1})


def test_the_file_reads_as_nvidias_tools_read_it(tmp_path: Path) -> None:
    """stylegan2-ada-pytorch, generate.py: `ws = np.load(projected_w)['w']`, then one row per layer."""
    path = tmp_path / "latents.npz"
    save_latents(path, WS.double().requires_grad_(), NOISES)
    with np.load(path) as file:
        assert file["w"].shape == (1, 4, 8) and file["w"].dtype == np.float32
        assert sorted(file.files) == ["noise_0", "noise_1", "noise_2", "w"]


def test_a_file_with_only_w_is_enough(tmp_path: Path) -> None:
    np.savez(tmp_path / "projected_w.npz", w=WS.numpy())
    read = load_latents(tmp_path / "projected_w.npz")
    assert torch.equal(read.ws, WS)
    assert (read.noises, read.seed, read.extra) == ([], None, {})


@pytest.mark.parametrize("ws", [torch.zeros(4, 8), torch.zeros(2, 4, 8)])
def test_saving_another_shape_is_refused(tmp_path: Path, ws: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"\[1, num_ws, w_dim\]"):
        save_latents(tmp_path / "latents.npz", ws, [])
    with pytest.raises(ValueError, match=r"\[1, R, R\]"):
        save_latents(tmp_path / "latents.npz", WS, [torch.zeros(4, 4)])


def test_a_search_begins_at_latents_of_its_own_generator(tmp_path: Path) -> None:
    ws = torch.rand(1, TINY.num_ws, TINY.w_dim)
    noises = [torch.rand(1, side, side) for side in TINY.noise_resolutions]
    for count in (len(noises), 0):
        save_latents(tmp_path / "latents.npz", ws, noises[:count])
        start = load_start(str(tmp_path / "latents.npz"), TINY)
        assert torch.equal(start.ws, ws) and len(start.noises) == count


@pytest.mark.parametrize(
    ("layers", "numbers", "sides", "message"),
    [
        (TINY.num_ws + 2, TINY.w_dim, [], r"w \[1, 8, 16\]. Got \[1, 10, 16\] in .*latents.npz"),
        (TINY.num_ws, 512, [], r"w \[1, 8, 16\]. Got \[1, 8, 512\] in"),
        (
            TINY.num_ws,
            TINY.w_dim,
            [4, 8, 8, 16],
            r"noise maps of sides \[4, 8, .* or none. Got \[4, 8, 8, 16\] in",
        ),
    ],
)
def test_a_search_refuses_latents_of_another_generator(
    tmp_path: Path, layers: int, numbers: int, sides: list[int], message: str
) -> None:
    noises = [torch.zeros(1, side, side) for side in sides]
    save_latents(tmp_path / "latents.npz", torch.zeros(1, layers, numbers), noises)
    with pytest.raises(ConfigError, match=message):
        load_start(str(tmp_path / "latents.npz"), TINY)


@pytest.mark.parametrize("side", [8, 64])
def test_a_search_refuses_feature_maps_of_another_generator(tmp_path: Path, side: int) -> None:
    ws, offsets = torch.zeros(1, TINY.num_ws, TINY.w_dim), {side: torch.zeros(3, side, side)}
    save_latents(tmp_path / "latents.npz", ws, [], offsets=offsets)
    with pytest.raises(ConfigError, match=rf"features_8 of \d+ channels.* Got features_{side} of 3 channels"):
        load_start(str(tmp_path / "latents.npz"), TINY)


class Hostile:
    """Touches a file when it is unpickled."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.witness,))


def test_pickled_objects_are_refused_and_never_run(tmp_path: Path) -> None:
    np.savez(tmp_path / "hostile.npz", w=np.array([Hostile(tmp_path / "executed")], dtype=object))
    with pytest.raises(ConfigError, match="allow_pickle"):
        load_latents(tmp_path / "hostile.npz")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"z": np.zeros(3)}, "an array named w"),
        ({"w": np.zeros((4, 8))}, r"\[1, num_ws, w_dim\]"),
        ({"w": np.zeros((1, 4, 8), dtype=int)}, "finite floats"),
        ({"w": np.full((1, 4, 8), np.nan)}, "finite floats"),
        ({"w": WS.numpy(), "noise_1": np.zeros((1, 4, 4))}, "lacks noise maps"),
        ({"w": WS.numpy(), "noise_0": np.zeros((4, 4))}, r"\[1, R, R\]"),
        ({"w": WS.numpy(), "seed": np.zeros(3)}, "seed or extra"),
        ({"w": WS.numpy(), "extra": np.array("{broken")}, "seed or extra"),
    ],
)
def test_a_bad_file_is_refused_and_says_why(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(ConfigError, match=message):
        load_latents(tmp_path / "bad.npz")


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "latents.npz"
    save_latents(path, WS, NOISES)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[200] ^= 0xFF
    for content in (b"", b"PNG" * 100, whole[: len(whole) // 2], bytes(flipped)):
        path.write_bytes(content)
        with pytest.raises(ConfigError, match="latents.npz"):
            load_latents(path)
    with pytest.raises(ConfigError, match="No such latents file"):
        load_latents(tmp_path / "absent.npz")
    with pytest.raises(ConfigError):
        load_latents(tmp_path)


def test_an_array_that_claims_more_than_it_holds_is_refused(tmp_path: Path) -> None:
    header = io.BytesIO()
    fields = {"descr": "<f4", "fortran_order": False, "shape": (1, 10**7, 10**6)}
    np.lib.format.write_array_header_1_0(header, fields)
    with zipfile.ZipFile(tmp_path / "liar.npz", "w") as archive:
        archive.writestr("w.npy", header.getvalue())
    with pytest.raises(ConfigError, match="cannot be read"):
        load_latents(tmp_path / "liar.npz")


def test_a_file_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_latents(tmp_path / "latents.npz", WS, NOISES)
    monkeypatch.setattr("inversion.latents.npz_file.MAX_BYTES", 100)
    with pytest.raises(ConfigError, match="too large"):
        load_latents(tmp_path / "latents.npz")


def test_a_full_disk_leaves_nothing(tmp_path: Path, full_disk: FullDisk) -> None:
    with full_disk(100), pytest.raises(OSError, match=r"latents\.npz"):
        save_latents(tmp_path / "latents.npz", WS, NOISES)
    assert list(tmp_path.iterdir()) == []


def test_offsets_of_feature_maps_come_back(tmp_path: Path) -> None:
    offsets = {8: torch.randn(4, 8, 8), 32: torch.randn(2, 32, 32)}
    save_latents(tmp_path / "latents.npz", WS, NOISES, offsets=offsets)
    loaded = load_latents(tmp_path / "latents.npz").offsets
    assert loaded.keys() == offsets.keys()
    assert all(torch.equal(loaded[side], offset[None]) for side, offset in offsets.items())


@pytest.mark.parametrize("shape", [(4, 8), (4, 8, 16), (1, 4, 8, 8)])
def test_offsets_of_another_shape_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    save_latents(tmp_path / "latents.npz", WS, NOISES, offsets={8: torch.zeros(shape)})
    with pytest.raises(ConfigError, match="features_8"):
        load_latents(tmp_path / "latents.npz")
