"""What precision=auto chooses, and that a whole search in it ends where one in fp32 ends."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from inversion.degradations.blur import GaussianBlur
from inversion.errors import ConfigError
from inversion.generator.architecture import Architecture
from inversion.generator.discriminator import Discriminator
from inversion.generator.statistics import w_statistics
from inversion.generator.stylegan2 import Generator
from inversion.losses.discriminator_features import DiscriminatorLoss
from inversion.metrics.psnr import psnr
from inversion.priors.latent_distance import latent_distance
from inversion.runtime import precision
from inversion.runtime.precision import choose_dtype, cpu_features, lowest_resolution
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.objective import Objective
from inversion.search.optimize import Step, optimize
from tests.conftest import TINY

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
CLAMPED = replace(TINY, conv_clamp=256)


@pytest.mark.parametrize(
    ("flags", "dtype"),
    [
        ("flags\t\t: fpu sse2 avx512f avx512_bf16", torch.bfloat16),
        ("flags\t\t: fpu amx_bf16 amx_tile", torch.bfloat16),
        ("Features\t: fp asimd i8mm bf16 dgh", torch.bfloat16),
        ("flags\t\t: fpu sse2 avx2", torch.float32),
    ],
)
def test_auto_takes_bf16_on_a_cpu_that_multiplies_it(
    flags: str, dtype: torch.dtype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{flags}\n")
    features = cpu_features(tmp_path / "cpuinfo")
    monkeypatch.setattr(precision, "cpu_features", lambda: features)
    assert choose_dtype("auto", CPU, TINY) == dtype


def test_a_machine_that_lists_no_features_has_none(tmp_path: Path) -> None:
    assert cpu_features(tmp_path / "none") == set()


@pytest.mark.parametrize(
    ("generation", "architecture", "dtype"),
    [
        (9, TINY, torch.bfloat16),
        (8, CLAMPED, torch.bfloat16),
        (7, CLAMPED, torch.float16),
        (7, TINY, torch.float32),  # without a clamp, fp16 overflows
        (6, CLAMPED, torch.float32),
    ],
)
def test_auto_on_cuda_goes_by_generation_and_clamp(
    generation: int, architecture: Architecture, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (generation, 0))
    assert choose_dtype("auto", CUDA, architecture) == dtype


def test_fp16_begins_at_the_fourth_resolution_from_the_top_and_bf16_at_the_first() -> None:
    assert lowest_resolution(torch.float16, replace(TINY, img_resolution=1024)) == 128
    assert lowest_resolution(torch.float16, TINY) == 4
    assert lowest_resolution(torch.bfloat16, TINY) == 4


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("float16", "must be one of auto, fp32, bf16, fp16. Got float16"),
        ("fp16", "needs a GPU. Got device=cpu"),
    ],
)
def test_what_cannot_work_is_refused(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        choose_dtype(name, CPU, TINY)


def test_a_whole_search_in_bf16_ends_where_one_in_fp32_ends(
    tiny_generator: Generator, tiny_discriminator: Discriminator
) -> None:
    """80 steps of deblurring: loss within 4 %, images 33 dB apart or closer (2.0 % and 37 dB at writing)."""
    w_avg, w_std = w_statistics(tiny_generator.mapping, samples=100)
    z = torch.randn(2, 16, generator=torch.Generator().manual_seed(9))
    photos = tiny_generator(z).clamp(-1, 1)
    blur = GaussianBlur().bind(photos, False)
    settings = [Hyperparameters(steps=80, reg=0.01, noise_weight=1.0)] * 2
    losses, images = [], []
    for dtype in (torch.float32, torch.bfloat16):
        loss = DiscriminatorLoss(10.0).bind(tiny_discriminator.prepare(dtype), CPU)
        prior = partial(latent_distance, w_avg=w_avg, w_variance=w_std**2)
        objective = Objective(loss, blur, blur(photos), settings, prior)
        steps: list[Step] = []
        synthesis = tiny_generator.synthesis.prepare(dtype)
        result = optimize(synthesis, objective, settings, [1, 2], w_avg, w_std, steps.append)
        assert {t.dtype for t in (result.ws, *result.noises, *steps[0].terms.values())} == {torch.float32}
        losses.append(torch.stack(list(steps[-1].terms.values())).sum(dim=0))
        images.append(tiny_generator.synthesis(result.ws, result.noises))
    torch.testing.assert_close(losses[1], losses[0], rtol=0.04, atol=0)
    assert (psnr(images[1].clamp(-1, 1), images[0].clamp(-1, 1)) > 33).all()
