"""A narrow space behaves the same in a latent that has room for a wider one."""

from __future__ import annotations

import torch

from inversion.generator.stylegan2 import Generator
from inversion.latents.space import per_space
from inversion.latents.spaces import W, WPlus, WPlusPlus, expand_codes, fill_unused, per_layer, used_channels
from tests.conftest import TOLERANCE


def gradient(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_a_first_face_has_the_same_code_everywhere() -> None:
    w = gradient(2, 5)
    assert torch.equal(expand_codes(w, 3, None), w[:, None].expand(2, 3, 5))
    used = used_channels([4, 4, 2])
    assert torch.equal(expand_codes(w, 3, used), w[:, None, None].expand(2, 3, 4, 5))
    assert torch.equal(expand_codes(expand_codes(w, 3, None), 3, used), expand_codes(w, 3, used))


def test_a_layers_mean_code_is_that_of_the_channels_it_has() -> None:
    latent, used = gradient(2, 3, 4, 5), used_channels([4, 4, 2])
    means = per_layer(fill_unused(latent, used))
    torch.testing.assert_close(means[:, :2], latent[:, :2].mean(dim=2), **TOLERANCE[torch.float64])
    torch.testing.assert_close(means[:, 2], latent[:, 2, :2].mean(dim=1), **TOLERANCE[torch.float64])
    assert torch.equal(fill_unused(latent, used)[:, 2, :2], latent[:, 2, :2])


def test_in_w_the_gradient_is_that_of_the_one_code() -> None:
    weights = gradient(2, 3, 4, 5)
    w = gradient(2, 5).requires_grad_(True)
    latent = expand_codes(w.detach(), 3, used_channels([4, 4, 4])).requires_grad_(True)
    (of_latent,) = torch.autograd.grad((latent.square() * weights).sum(), latent)
    (of_w,) = torch.autograd.grad((w[:, None, None].square() * weights).sum(), w)
    torch.testing.assert_close(
        W().sum_tied_gradients(of_latent), of_w[:, None, None].expand_as(latent), **TOLERANCE[torch.float64]
    )


def test_each_problem_is_tied_as_its_own_space_says() -> None:
    g = gradient(3, 2, 4, 5)
    tied = per_space([W(), WPlus(), WPlusPlus()], "sum_tied_gradients", g)
    torch.testing.assert_close(tied[0], g[0].sum((0, 1), keepdim=True).expand_as(g[0]))
    torch.testing.assert_close(tied[1], g[1].sum(1, keepdim=True).expand_as(g[1]))
    assert torch.equal(tied[2], g[2])
    assert torch.equal(WPlus().sum_tied_gradients(g[:, :, 0]), g[:, :, 0])


def test_jitter_in_w_is_the_same_for_all_layers() -> None:
    draws = gradient(2, 3, 5)
    moved = per_space([W(), WPlus()], "share_jitter", draws)
    assert torch.equal(moved[0], draws[0, :1].expand(3, 5))
    assert torch.equal(moved[1], draws[1])


def test_equal_codes_per_channel_give_the_same_image_and_each_used_one_has_a_gradient(
    tiny_generator: Generator,
) -> None:
    synthesis = tiny_generator.double().synthesis
    a = synthesis.architecture
    codes = gradient(1, a.num_ws, a.w_dim)
    noises = synthesis.noise_constants(1)
    wide = expand_codes(codes, a.num_ws, used_channels(a.style_channels)).requires_grad_(True)
    image = synthesis(wide, noises)
    torch.testing.assert_close(image, synthesis(codes, noises), **TOLERANCE[torch.float64])
    (gradient_of_wide,) = torch.autograd.grad(image.square().sum(), wide)
    for layer, count in enumerate(a.style_channels):
        assert (gradient_of_wide[0, layer].abs().sum(dim=1) > 0).nonzero().flatten().tolist() == list(
            range(count)
        )
