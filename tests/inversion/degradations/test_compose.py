from __future__ import annotations

import pytest
import torch
from torch import Tensor

from inversion.degradations.blur import GaussianBlur
from inversion.degradations.compose import Compose
from inversion.degradations.degradation import Degradation
from inversion.degradations.downsample import Downsample
from inversion.degradations.grayscale import Grayscale
from inversion.degradations.inpaint import Inpaint
from inversion.degradations.jpeg import JPEG
from inversion.degradations.none import NoDegradation
from inversion.degradations.scratches import Scratches
from inversion.degradations.sensor_noise import SensorNoise

CHAINS: list[list[Degradation]] = [
    [Grayscale(), GaussianBlur()],
    [GaussianBlur(), Inpaint()],
    [Grayscale(), GaussianBlur(), Scratches(strokes=3)],
    [Downsample(4), JPEG(50)],
    [Downsample(4), SensorNoise(0, 24, 0.1), JPEG(12), Scratches(strokes=3)],
]
every_chain = pytest.mark.parametrize(
    "steps", CHAINS, ids=lambda steps: "-".join(type(s).__name__ for s in steps)
)


def photos(seed: int = 0) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    coarse = torch.rand(2, 3, 6, 6, generator=rng, dtype=torch.float64) * 1.4 - 0.7
    return torch.nn.functional.interpolate(coarse, size=(32, 32), mode="bilinear")


@every_chain
def test_composed_is_one_after_the_other(steps: list[Degradation]) -> None:
    x, y = photos(), photos()
    for step in steps:
        y = step.bind(photos(), False)(y)
    assert torch.equal(Compose(steps).bind(photos(), False)(x), y)


@every_chain
def test_the_camera_passes_through_all_steps_with_one_stream(steps: list[Degradation]) -> None:
    y, rng = photos(), torch.Generator().manual_seed(3)
    for step in steps:
        y = step.bind(photos(), False).observe(y, rng)
    composed = Compose(steps).bind(photos(), False)
    assert torch.equal(composed.observe(photos(), torch.Generator().manual_seed(3)), y)


@every_chain
def test_gradients_reach_the_face(steps: list[Degradation]) -> None:
    x = photos().requires_grad_(True)
    Compose(steps).bind(photos(), False).prediction(x, 16).square().sum().backward()
    assert x.grad is not None
    assert (x.grad.abs().amax(dim=(1, 2, 3)) > 0).all()


@every_chain
def test_a_consistent_image_is_nearer_to_the_photo(steps: list[Degradation]) -> None:
    operator = Compose(steps).bind(photos(), False)
    restored, observed = photos(9), operator.observe(photos(), torch.Generator().manual_seed(0))
    after = operator(operator.consistent(restored, observed)) - observed
    before = operator(restored) - observed
    assert (after.square().mean(dim=(1, 2, 3)) < before.square().mean(dim=(1, 2, 3))).all()


def test_a_blank_at_the_end_is_left_out_of_the_comparison() -> None:
    operator = Compose([Grayscale(), Inpaint()]).bind(photos(), False)
    white = torch.ones_like(photos())
    y = operator.prediction(white, 7)
    assert ((y == -1) | ((y - 1).abs() < 1e-9)).all()
    torch.testing.assert_close(operator.target(operator(white), 7), y)


def test_a_sepia_prints_tint_is_not_compared_wherever_the_grey_step_is() -> None:
    target = Compose([Grayscale(), GaussianBlur()]).bind(photos(), True).target(photos(), 16)
    torch.testing.assert_close(target[:, :1].expand_as(target), target)


def test_nothing_composed_is_nothing_done() -> None:
    x, nothing = photos(), NoDegradation()
    for empty in (Compose(), Compose([nothing])):
        assert torch.equal(empty.bind(x, False)(x), x)
        assert torch.equal(empty.consistent(x, photos(1)), photos(1))  # the photo shows everything
        assert torch.equal(empty.prediction(x, 8), nothing.prediction(x, 8))
        assert torch.equal(empty.target(x, 8), nothing.target(x, 8))


def test_a_step_that_does_nothing_hides_nothing_of_what_follows() -> None:
    chains = (Compose([Grayscale()]), Compose([NoDegradation(), Grayscale()]))
    alone, behind = (chain.consistent(photos(), Grayscale()(photos(1))) for chain in chains)
    assert torch.equal(alone, behind)


def test_scratches_on_a_blurred_photo_leave_no_ripples(monkeypatch: pytest.MonkeyPatch) -> None:
    """A guess of what is blanked must not bend at the hole's edge as no blurred photo does."""
    original, other = (
        torch.nn.functional.interpolate(photos(seed)[:1], size=(64, 64), mode="bicubic") for seed in (0, 1)
    )
    operator = Compose([Grayscale(), GaussianBlur(9), Scratches(strokes=4)]).bind(original, False)
    observed = operator(original)

    def error() -> float:
        found = operator.consistent(original + 0.3 * other, observed)
        return (Grayscale()(found) - Grayscale()(original)).square().mean().item()

    guessed_again = error()
    monkeypatch.setattr("inversion.degradations.compose.ROUNDS", 0)
    assert guessed_again < 0.8 * error()
