"""Prepared weights: trained through where they are trained, out of reach where they are frozen, safe in 16 bits."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from inversion.generator.architecture import Architecture
from inversion.generator.discriminator import Discriminator
from inversion.generator.ops import conv_down, downsample, fir
from inversion.generator.prepared import PreparedSynthesis
from inversion.generator.stylegan2 import Generator, SynthesisNetwork
from tests.conftest import TINY, TOLERANCE


def inputs(architecture: Architecture, dtype: torch.dtype = torch.float32) -> tuple[Tensor, list[Tensor]]:
    rng = torch.Generator().manual_seed(3)
    ws = torch.randn(2, architecture.num_ws, architecture.w_dim, generator=rng).to(dtype)
    return ws, [torch.randn(2, 1, r, r, generator=rng).to(dtype) for r in architecture.noise_resolutions]


def prepared_of(generator: Generator, dtype: torch.dtype, lowest: int = 4) -> PreparedSynthesis:
    prepared = generator.synthesis.prepare(dtype, lowest)
    assert isinstance(prepared, PreparedSynthesis)
    return prepared


@pytest.mark.parametrize("kind", ["skip", "resnet", "orig"])
def test_every_parameter_is_trained_through_its_preparation(kind: str) -> None:
    torch.manual_seed(0)
    synthesis = SynthesisNetwork(replace(TINY, architecture=kind))
    synthesis(*inputs(TINY)).square().sum().backward()
    assert all(p.grad is not None and (p.grad != 0).any() for p in synthesis.parameters())


def test_frozen_weights_get_no_gradient(tiny_generator: Generator) -> None:
    prepared = prepared_of(tiny_generator, torch.float32)
    tensors = [
        t for block in prepared.blocks for c in block.convolutions for t in (c.weight, c.squares, c.bias)
    ]
    assert not any(tensor.requires_grad for tensor in tensors)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_images_gradients_and_features_keep_the_precision_of_what_goes_in(
    tiny_generator: Generator, tiny_discriminator: Discriminator, dtype: torch.dtype
) -> None:
    ws, noises = inputs(TINY)
    variables = [tensor.requires_grad_(True) for tensor in (ws, *noises)]
    images = tiny_generator.synthesis.prepare(dtype)(ws, noises)
    features = tiny_discriminator.prepare(dtype).features(images)
    gradients = torch.autograd.grad([f.square().sum() for f in features], variables)
    assert {t.dtype for t in (images, *features, *gradients)} == {torch.float32}
    exact = tiny_generator.synthesis(ws, noises)
    assert (images - exact).norm() < 0.03 * exact.norm()  # bf16 has 8 significant bits


def test_resolutions_below_the_lowest_stay_as_they_are(tiny_generator: Generator) -> None:
    prepared = prepared_of(tiny_generator, torch.float16, lowest=16)
    dtypes = [block.convolutions[0].weight.dtype for block in prepared.blocks]
    assert dtypes == [torch.float32, torch.float32, torch.float16, torch.float16]


def test_large_styles_do_not_overflow_fp16(tiny_generator: Generator) -> None:
    ws, noises = inputs(TINY)
    ws = ws * 3000  # styles of some thousands; a product with 16 x 9 weights passes 65,504
    exact = prepared_of(tiny_generator, torch.float32).blocks[0]
    half = prepared_of(tiny_generator, torch.float16).blocks[0]
    x, y = (block(None, None, ws.unbind(1)[:2], noises[:1])[0].float() for block in (exact, half))
    assert y.isfinite().all()
    assert (x - y).norm() < 0.01 * x.norm()


def test_only_fp16_scales_its_loss(tiny_generator: Generator) -> None:
    scales = [
        tiny_generator.synthesis.prepare(dtype).gradient_scale
        for dtype in (torch.float32, torch.bfloat16, torch.float16)
    ]
    assert scales == [1, 1, 4096]


def test_running_rgb_is_the_image_of_the_smaller_network(tiny_generator: Generator) -> None:
    ws, noises = inputs(TINY)
    small = replace(TINY, img_resolution=16, channel_base=256)
    network = SynthesisNetwork(small)
    network.load_state_dict(
        {k: v for k, v in tiny_generator.synthesis.state_dict().items() if not k.startswith("b32")}
    )
    image = network(ws[:, : small.num_ws], noises[: len(small.noise_resolutions)])
    running = tiny_generator.synthesis.prepare(torch.float32)(ws, noises, resolution=16)
    torch.testing.assert_close(running, image, **TOLERANCE[torch.float32])


@pytest.mark.parametrize("taps", [1, 3])
def test_downsampling_convolution_filters_then_decimates(taps: int) -> None:
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(2, 4, 8, 8, generator=rng, dtype=torch.float64)
    weight = torch.randn(5, 4, taps, taps, generator=rng, dtype=torch.float64)
    kernel = fir(4, 1).to(x)
    filtered = torch.nn.functional.conv2d(x, kernel, padding=1 + taps // 2, groups=4)
    expected = torch.nn.functional.conv2d(filtered, weight)[:, :, ::2, ::2]
    torch.testing.assert_close(conv_down(x, weight), expected, **TOLERANCE[torch.float64])
    if taps == 1:
        strided = torch.nn.functional.conv2d(x, kernel, padding=1, stride=2, groups=4)
        torch.testing.assert_close(downsample(x), strided, **TOLERANCE[torch.float64])
