"""StyleGAN3 pickles: their shape is read off the layers, and what does not fit together is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from inversion.checkpoints import load
from inversion.checkpoints.__main__ import main
from inversion.checkpoints.limits import check_limits
from inversion.checkpoints.one_class import choose_class
from inversion.checkpoints.safetensors_file import save
from inversion.errors import CheckpointError
from inversion.generator.architecture import StyleGAN3Architecture
from inversion.generator.stylegan2 import Generator
from tests.inversion.checkpoints import written

SMALL = StyleGAN3Architecture(
    img_resolution=32,
    channels=(8, 8, 8, 7, 4, 4, 3),
    sampling_rates=(16, 16, 32, 32, 32, 32, 32),
    margin_size=6,
    z_dim=12,
    w_dim=16,
    conv_clamp=256.0,
)
SHAPES = {
    "t": SMALL,
    "r": dataclasses.replace(
        SMALL,
        conv_kernel=1,
        use_radial_filters=True,
        conv_clamp=1.5,
        filter_size=4,
        output_scale=0.5,
        c_dim=3,
    ),
}


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", SHAPES)
def test_the_architecture_comes_from_the_layers(name: str, protocol: int, tmp_path: Path) -> None:
    checkpoint = load(written.stylegan3_file(tmp_path / "net.pkl", name, protocol))
    assert checkpoint.architecture == SHAPES[name]
    g, _, _ = written.stylegan3(name)
    assert g.keys() == checkpoint.generator.keys()
    assert all(torch.equal(g[key], checkpoint.generator[key]) for key in g)


def test_the_published_shape_follows_from_its_rates() -> None:
    """Config T at 1024 px: channels, rates and layer names as NVIDIA's constructor makes them by default."""
    a = StyleGAN3Architecture(
        img_resolution=1024,
        channels=(512, 512, 512, 512, 512, 512, 512, 323, 203, 128, 81, 51, 32, 32, 3),
        sampling_rates=(16, 16, 32, 32, 64, 128, 128, 256, 256, 512, 1024, 1024, 1024, 1024, 1024),
    )
    check_limits(a, "generator")
    assert a.num_ws == 16 and a.noise_resolutions == [] and a.input_size == 36
    names = [layer.name for layer in a.layers]
    assert names[0] == "L0_36_512" and names[12:] == ["L12_1044_32", "L13_1024_32", "L14_1024_3"]
    factors = [(layer.up, layer.down) for layer in a.layers]
    assert factors[1:5] == [(2, 2), (4, 2), (2, 2), (4, 2)] and factors[14] == (1, 1)


@pytest.mark.parametrize("name", SHAPES)
def test_convert_keeps_every_tensor(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = written.stylegan3_file(tmp_path / "net.pkl", name), tmp_path / "net.safetensors"
    assert main(["convert", str(path), str(out)]) == 0
    before, after = load(path), load(out)
    assert before.architecture == after.architecture
    assert all(torch.equal(before.generator[k], after.generator[k]) for k in before.generator)
    assert "sampling_rates=(16, 16, 32, 32, 32, 32, 32)" in capsys.readouterr().out


def test_halves_keep_filters_and_waves_whole(tmp_path: Path) -> None:
    whole = load(written.stylegan3_file(tmp_path / "net.pkl", "r"))
    save(whole, tmp_path / "half.safetensors", half=True)
    half = load(tmp_path / "half.safetensors")
    changed = {name for name, t in whole.generator.items() if not torch.equal(t, half.generator[name])}
    assert changed and all(name.endswith("weight") for name in changed)


def test_a_chosen_class_gives_that_classs_codes(tmp_path: Path) -> None:
    whole = load(written.stylegan3_file(tmp_path / "net.pkl", "r"))
    one = choose_class(whole, 2)
    assert one.architecture.c_dim == 0
    codes = []
    for checkpoint, c in ((whole, torch.eye(3)[[2, 2]]), (one, None)):
        generator = Generator(checkpoint.architecture).requires_grad_(False)
        generator.load_state_dict(checkpoint.generator)
        codes.append(generator.mapping(torch.ones(2, 12), c))
    torch.testing.assert_close(*codes)


def test_a_state_dict_alone_is_refused_with_advice(tmp_path: Path) -> None:
    torch.save({"G_ema": written.stylegan3("t")[0]}, tmp_path / "net.pt")
    with pytest.raises(CheckpointError, match=r"at which sampling rates.*convert NET.pkl NET.safetensors"):
        load(tmp_path / "net.pt")


def test_nvidias_network_inside_a_torch_file_is_read(tmp_path: Path) -> None:
    g, attributes, _ = written.stylegan3("r")
    with written.foreign_modules():
        torch.save({"G_ema": written.stylegan3_layer(g, attributes)}, tmp_path / "net.pt")
    assert load(tmp_path / "net.pt").architecture == SHAPES["r"]


L1 = "synthesis.L1_28_8"
CONTRADICTIONS: list[tuple[str, str, Any, str]] = [
    (L1, "up_factor", 4, "another up_factor"),
    (L1, "down_taps", 6, "another down_taps"),
    (L1, "padding", [9, 8, 8, 9], "another padding"),
    (L1, "padding", "wide", "another padding"),
    (L1, "conv_clamp", 3, "conv_clamp"),
    (L1, "out_sampling_rate", 48, "powers of two"),
    (L1, "out_sampling_rate", None, "lacks out_sampling_rate"),
    (L1, "out_sampling_rate", 1e29, "powers of two"),
    ("synthesis", "margin_size", 10, "another"),
    ("synthesis", "margin_size", 1e6, "out of bounds"),
    ("synthesis", "img_resolution", 64, "sampling rates"),
    ("synthesis", "output_scale", 0, "out of bounds"),
    ("synthesis.input", "bandwidth", 9, "out of bounds"),
    ("synthesis.L0_28_8", "up_factor", 0, "out of bounds"),
    ("", "w_dim", 512, "says w_dim=512"),
]


@pytest.mark.parametrize(("layer", "attribute", "value", "message"), CONTRADICTIONS)
def test_a_file_that_contradicts_itself_is_refused(
    layer: str, attribute: str, value: Any, message: str, tmp_path: Path
) -> None:
    g, attributes, _ = written.stylegan3("t")
    attributes[layer][attribute] = value
    path = written.dump(tmp_path / "net.pkl", {"G_ema": written.stylegan3_layer(g, attributes)})
    with pytest.raises(CheckpointError, match=message):
        load(path)


def test_missing_layers_and_impossible_magnitudes_are_refused(tmp_path: Path) -> None:
    g, attributes, _ = written.stylegan3("t")
    g[f"{L1}.magnitude_ema"] = torch.zeros([])
    path = written.dump(tmp_path / "net.pkl", {"G_ema": written.stylegan3_layer(g, attributes)})
    with pytest.raises(CheckpointError, match=r"magnitude_ema, a mean square, should be > 0"):
        load(path)
    g = {name: tensor for name, tensor in g.items() if not name.startswith(L1)}
    del attributes[L1]
    path = written.dump(tmp_path / "net.pkl", {"G_ema": written.stylegan3_layer(g, attributes)})
    with pytest.raises(CheckpointError, match="without a gap"):
        load(path)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"channels": (8, 8, 0, 7, 4, 4, 3)}, "out of bounds"),
    ({"channels": (8, 8, 1 << 60, 7, 4, 4, 3)}, "out of bounds"),
    ({"channels": (8, 8)}, "sampling rates"),
    ({"channels": (8, "8")}, "whole numbers"),
    ({"channels": 8}, "2 to 64 layers"),
    ({"sampling_rates": (2, 32, 32, 32, 32, 32, 32)}, "powers of two that rise"),
    ({"sampling_rates": (32, 16, 32, 32, 32, 32, 32)}, "powers of two that rise"),
    ({"conv_kernel": 9}, "out of bounds"),
    ({"filter_size": 0}, "out of bounds"),
    ({"lrelu_upsampling": 3}, "out of bounds"),
    ({"use_radial_filters": 1}, "out of bounds"),
    ({"bandwidth": float("nan")}, "out of bounds"),
    ({"output_scale": "1"}, "out of bounds"),
    ({"conv_clamp": 0}, "conv_clamp"),
    ({"img_resolution": 48}, "power of two"),
    ({"w_dim": 1 << 40}, "out of bounds"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_shapes_out_of_bounds_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        check_limits(dataclasses.replace(SMALL, **change), "generator")
