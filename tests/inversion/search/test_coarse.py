"""Coarse phases: smaller images, no influence between problems, whole images wherever smaller ones will not do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
import torch

from inversion.checkpoints.sources import embedded
from inversion.degradations.blur import GaussianBlur
from inversion.degradations.compose import Compose
from inversion.degradations.degradation import Degradation
from inversion.degradations.grayscale import Grayscale
from inversion.degradations.jpeg import JPEG
from inversion.degradations.scratches import Scratches
from inversion.generator.statistics import w_statistics
from inversion.generator.stylegan2 import Generator
from inversion.images import downsample_area
from inversion.losses.pixel import PixelLoss
from inversion.metrics.psnr import psnr
from inversion.model import build
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.objective import Objective
from inversion.search.optimize import Result, Step, optimize
from inversion.search.stacked import Stacked
from tests.conftest import TINY


@dataclass(frozen=True)
class SmallPixelLoss(PixelLoss):
    resolution = 16


def search(
    generator: Generator,
    settings: Sequence[Hyperparameters],
    problems: Sequence[int],
    steps: list[Step],
    degradation: Degradation | None = None,
) -> Result:
    """Some of three problems on the tiny generator of 32 px."""
    rng = torch.Generator().manual_seed(9)
    images = generator(torch.randn([3, 16], generator=rng).double()).clamp(-1, 1)[list(problems)]
    w_avg, w_std = w_statistics(generator.mapping, samples=100)
    operator = (degradation or GaussianBlur(kernel_size=7)).bind(images, False)
    targets = operator(images).detach()
    prior = lambda ws: (ws - w_avg).square().mean(dim=(1, 2))  # noqa: E731
    objective = Objective(SmallPixelLoss(), operator, targets, settings, prior)
    return optimize(generator.synthesis, objective, settings, list(problems), w_avg, w_std, steps.append)


SETTINGS = Hyperparameters(steps=8, space="w+", coarse_until=0.5, reg=0.01)


def test_images_are_as_large_as_the_loss_looks_at_them_and_whole_at_the_end(
    tiny_generator: Generator,
) -> None:
    steps: list[Step] = []
    result = search(tiny_generator.double(), [SETTINGS], [0], steps)
    assert [step.images[0].shape[-1] for step in steps] == [16] * 4 + [32] * 4
    assert result.phase_steps == [[4, 4]]


def test_problems_of_different_sizes_do_not_change_each_others_results(tiny_generator: Generator) -> None:
    generator = tiny_generator.double()
    settings = [SETTINGS, replace(SETTINGS, steps=4), replace(SETTINGS, steps=6)]
    steps: list[Step] = []
    together = search(generator, settings, [0, 1, 2], steps)
    assert [image.shape[-1] for image in steps[2].images] == [16, 32, 16]
    for i in range(3):
        alone = search(generator, [settings[i]], [i], [])
        torch.testing.assert_close(together.ws[i : i + 1], alone.ws, rtol=1e-7, atol=1e-8)


def test_a_neighbour_that_needs_whole_images_changes_nothing(tiny_generator: Generator) -> None:
    generator = tiny_generator.double()
    settings, jpeg = [SETTINGS] * 2, JPEG().bind(torch.zeros(1, 3, 32, 32), False)
    blur = GaussianBlur(kernel_size=7).bind(torch.zeros(1, 3, 32, 32), False)
    steps: list[Step] = []
    together = search(generator, settings, [0, 1], steps, Stacked((blur, jpeg)))
    assert [image.shape[-1] for image in steps[0].images] == [16, 32]
    assert together.phase_steps == [[4, 4], [8]]
    alone = search(generator, settings[:1], [0], [], blur)
    torch.testing.assert_close(together.ws[:1], alone.ws, rtol=1e-7, atol=1e-8)


def test_an_old_print_with_scratches_can_be_searched_coarsely(tiny_generator: Generator) -> None:
    steps: list[Step] = []
    old_print = Compose((Grayscale(), GaussianBlur(kernel_size=5), Scratches(strokes=3)))
    search(tiny_generator.double(), [SETTINGS], [0], steps, old_print)
    assert [step.images[0].shape[-1] for step in steps] == [16] * 4 + [32] * 4


@pytest.mark.parametrize("why", ["architecture", "degradation"])
def test_images_are_whole_where_smaller_ones_would_not_do(tiny_generator: Generator, why: str) -> None:
    generator = tiny_generator.double()
    if why == "architecture":
        a = replace(TINY, architecture="resnet")
        torch.manual_seed(0)
        generator = Generator(a).double()
    steps: list[Step] = []
    search(generator, [SETTINGS], [0], steps, JPEG() if why == "degradation" else None)
    assert {step.images[0].shape[-1] for step in steps} == {32}


def test_the_running_image_of_a_trained_net_is_nearly_the_whole_image_shrunk() -> None:
    model = build(embedded("portraits64"), torch.device("cpu"))
    z = torch.randn([8, model.generator.architecture.z_dim], generator=torch.Generator().manual_seed(0))
    synthesis = model.generator.synthesis
    with torch.no_grad():
        ws, noises = model.generator.mapping(z, None, 0.7), synthesis.noise_constants(8)
        whole = downsample_area(synthesis(ws, noises), 32)
        error = psnr(synthesis(ws, noises, resolution=32).clamp(-1, 1), whole.clamp(-1, 1))
        apart = psnr(whole.roll(1, dims=0).clamp(-1, 1), whole.clamp(-1, 1))
    assert (error > apart + 5).all()
