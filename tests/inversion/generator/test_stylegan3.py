"""StyleGAN3, config T (`t`) and conditional config R (`r`), against NVIDIA's own code: tests/reference/README.md."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from inversion.checkpoints import load
from inversion.generator import filtered_lrelu
from inversion.generator.architecture import StyleGAN3Architecture
from inversion.generator.filtered_lrelu import Resampling
from inversion.generator.stylegan2 import Generator
from inversion.generator.stylegan3 import SynthesisNetwork
from inversion.latents.spaces import expand_codes, used_channels
from tests.conftest import TOLERANCE
from tests.inversion.checkpoints import written

NETS = ("t", "r")


@pytest.fixture(params=NETS)
def net(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Generator, dict[str, Tensor]]:
    """A generator as it is read from a pickle, and what NVIDIA's code made with the same weights."""
    checkpoint = load(written.stylegan3_file(tmp_path / "net.pkl", request.param))
    generator = Generator(checkpoint.architecture).eval().requires_grad_(False)
    generator.load_state_dict(checkpoint.generator)
    return generator, written.stylegan3(request.param)[2]


def same(ours: Tensor, theirs: Tensor, atol: float = 1e-5) -> None:
    """Measured: at most 7e-7 on images of up to 0.8."""
    torch.testing.assert_close(ours, theirs, rtol=0, atol=atol)


def test_mapping_equals_nvidias(net: tuple[Generator, dict[str, Tensor]]) -> None:
    generator, r = net
    same(generator.mapping(r["z"], r.get("c")), r["ws"])
    same(generator.mapping(r["z"], r.get("c"), truncation_psi=0.6), r["ws_truncated"])


def test_synthesis_equals_nvidias(net: tuple[Generator, dict[str, Tensor]]) -> None:
    generator, r = net
    same(generator.synthesis(r["ws_plus"], []), r["image"])


def test_a_problem_does_not_feel_its_neighbours(net: tuple[Generator, dict[str, Tensor]]) -> None:
    generator, r = net
    synthesis, ws = generator.synthesis.double(), r["ws_plus"].double()
    alone = torch.cat([synthesis(row[None], []) for row in ws])
    torch.testing.assert_close(synthesis(ws, []), alone, **TOLERANCE[torch.float64])


def test_what_the_reference_tests_is_not_idle(net: tuple[Generator, dict[str, Tensor]]) -> None:
    """Without the user's transform, the input's magnitudes or the clamp of R, the picture is another one."""
    generator, r = net
    for name in ("input.transform", "L1_28_8.magnitude_ema"):
        changed = generator.synthesis.state_dict()
        changed[name] = torch.eye(3) if name == "input.transform" else torch.ones([])
        other = SynthesisNetwork(stylegan3(generator)).requires_grad_(False)
        other.load_state_dict(changed)
        assert (other(r["ws_plus"]) - r["image"]).abs().max() > 0.01, name
    if "c" in r:
        unclamped = SynthesisNetwork(replace(stylegan3(generator), conv_clamp=None)).requires_grad_(False)
        unclamped.load_state_dict(generator.synthesis.state_dict())
        assert (unclamped(r["ws_plus"]) - r["image"]).abs().max() > 0.01


def stylegan3(generator: Generator) -> StyleGAN3Architecture:
    assert isinstance(generator.architecture, StyleGAN3Architecture)
    return generator.architecture


def test_gradients_are_those_of_finite_differences(net: tuple[Generator, dict[str, Tensor]]) -> None:
    generator, r = net
    synthesis, ws = generator.synthesis.double(), r["ws_plus"].double().requires_grad_(True)
    assert torch.autograd.gradcheck(
        lambda ws: synthesis(ws, [])[:, :, ::7, ::7], (ws,), eps=1e-6, atol=1e-5, fast_mode=True
    )


def test_codes_per_channel_that_are_equal_give_the_same_image(
    net: tuple[Generator, dict[str, Tensor]],
) -> None:
    generator, r = net
    a, synthesis, ws = generator.architecture, generator.synthesis.double(), r["ws_plus"].double()
    wide = expand_codes(ws, a.num_ws, used_channels(a.style_channels)).requires_grad_(True)
    image = synthesis(wide, [])
    torch.testing.assert_close(image, synthesis(ws, []), **TOLERANCE[torch.float64])
    (gradient,) = torch.autograd.grad(image.square().sum(), wide)
    read = (gradient[0].abs().sum(dim=2) > 0).sum(dim=1)
    assert read.tolist() == a.style_channels


def test_half_precision_stays_near_and_its_gradients_are_whole(
    net: tuple[Generator, dict[str, Tensor]],
) -> None:
    generator, r = net
    ws = r["ws_plus"].clone().requires_grad_(True)
    image = generator.synthesis.prepare(torch.bfloat16)(ws, [])
    (gradient,) = torch.autograd.grad(image.square().sum(), ws)
    assert image.dtype == gradient.dtype == torch.float32
    assert (image - r["image"]).norm() < 0.03 * r["image"].norm()  # bf16 has 8 significant bits


def test_only_high_sampling_rates_run_in_half_precision(net: tuple[Generator, dict[str, Tensor]]) -> None:
    prepared = SynthesisNetwork(stylegan3(net[0])).prepare(torch.float16, lowest=32)
    dtypes = [layer.weight.dtype for layer in prepared.layers]
    assert dtypes == [torch.float32] * 2 + [torch.float16] * 4
    assert prepared.gradient_scale == 2.0**12


def test_every_parameter_is_trained_through_its_preparation(net: tuple[Generator, dict[str, Tensor]]) -> None:
    generator, r = net
    generator.synthesis.requires_grad_(True)
    generator.synthesis(r["ws_plus"], []).square().sum().backward()
    assert all(p.grad is not None and (p.grad != 0).any() for p in generator.synthesis.parameters())


# The filtered leaky ReLU alone, with filters that are not symmetric.


def naive(x: Tensor, r: Resampling) -> Tensor:
    """As the paper writes it: zeros between the pixels, padding, filter, leaky ReLU, clamp, filter, drop pixels."""
    batch, channels, height, width = x.shape
    stuffed = x.new_zeros(batch, channels, height * r.up, width * r.up)
    stuffed[:, :, :: r.up, :: r.up] = x
    inner = F.leaky_relu(convolved(F.pad(stuffed, r.padding * 2), r.up_filter), 0.2)
    if r.clamp is not None:
        inner = inner.clamp(-r.clamp, r.clamp)
    return convolved(inner, r.down_filter)[:, :, :: r.down, :: r.down]


def convolved(x: Tensor, taps: Tensor) -> Tensor:
    kernel = (taps if taps.ndim == 2 else taps.outer(taps)).flip(0, 1)
    return F.conv2d(x, kernel.expand(x.shape[1], 1, -1, -1), groups=x.shape[1])


CASES = [  # up, down, taps up, taps down, padding, radial
    (2, 2, 6, 8, (5, 4), False),
    (4, 2, 12, 6, (0, -3), False),
    (4, 2, 12, 6, (2, -1), True),
    (2, 4, 7, 9, (-3, -4), False),
    (2, 1, 5, 1, (8, 9), False),  # zeros beyond the filter's reach
    (1, 1, 1, 1, (0, 0), False),
    (1, 2, 1, 6, (3, 2), True),
]


@pytest.mark.parametrize(("up", "down", "up_taps", "down_taps", "padding", "radial"), CASES)
@pytest.mark.parametrize("clamp", [None, 0.7])
def test_filtered_leaky_relu_is_its_definition(
    up: int,
    down: int,
    up_taps: int,
    down_taps: int,
    padding: tuple[int, int],
    radial: bool,
    clamp: float | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(2, 5, 12, 15, generator=rng, dtype=torch.float64).requires_grad_(True)
    r = Resampling(
        torch.randn(up_taps, generator=rng, dtype=torch.float64),
        torch.randn([down_taps] * (1 + radial), generator=rng, dtype=torch.float64),
        up,
        down,
        padding,
        clamp,
    )
    expected = naive(x, r)
    weights = torch.randn(expected.shape, generator=rng, dtype=torch.float64)
    (slope,) = torch.autograd.grad((expected * weights).sum(), x)
    for at_once in (filtered_lrelu.AT_ONCE, 0):  # all channels together, and two of five at a time
        monkeypatch.setattr(filtered_lrelu, "AT_ONCE", at_once)
        monkeypatch.setattr(filtered_lrelu, "FEWEST", 2)
        found = filtered_lrelu.filtered_lrelu(x, r)
        torch.testing.assert_close(found, expected, **TOLERANCE[torch.float64])
        (own,) = torch.autograd.grad((found * weights).sum(), x)
        torch.testing.assert_close(own, slope, **TOLERANCE[torch.float64])
