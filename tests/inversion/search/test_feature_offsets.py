"""Feature maps that follow the photo after the search: nearer to it, problem by problem, and recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from inversion import passes
from inversion.checkpoints.checkpoint import Checkpoint
from inversion.degradations.blur import GaussianBlur
from inversion.degradations.grayscale import Grayscale
from inversion.degradations.inpaint import Inpaint
from inversion.degradations.none import NoDegradation
from inversion.errors import ConfigError
from inversion.fullsize.luma import grey
from inversion.generator.stylegan2 import Generator
from inversion.images import downsample_area
from inversion.latents.latents_file import Latents, load_latents, save_latents
from inversion.losses.pixel import PixelLoss
from inversion.metrics.psnr import psnr
from inversion.model import Model, build
from inversion.photo import Photo
from inversion.restoration import Problem, Restoration
from inversion.search.aims import Aim
from inversion.search.feature_offsets import RATE, FeatureOffsets, fit_offsets
from inversion.search.history import Listener
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.objective import Objective
from inversion.search.optimize import Result, optimize

SEARCH = Hyperparameters(steps=5, space="w+", optimize_noise=False)
FITTED = replace(SEARCH, feature_steps=12)
PIXELS = torch.rand([3, 8, 8], generator=torch.Generator().manual_seed(0)).repeat_interleave(4, 1)
PHOTO = Photo("face", PIXELS.repeat_interleave(4, 2) * 2 - 1, "")
OPERATOR = GaussianBlur(3).bind(PHOTO.image[None], False)
OBSERVED = OPERATOR(PHOTO.image[None])


@pytest.fixture
def model(tiny_generator: Generator) -> Model:
    checkpoint = Checkpoint(tiny_generator.architecture, tiny_generator.state_dict(), w_std=1.0)
    return build(checkpoint, torch.device("cpu"))


def searched(model: Model, space: str = "w+") -> Result:
    """Three times the same blurred photo, which no code fits, each with a seed of its own."""
    settings = [replace(SEARCH, space=space)] * 3
    photos = OBSERVED.expand(3, -1, -1, -1)
    objective = Objective(PixelLoss(), OPERATOR, photos, settings, model.prior("distance"))
    return optimize(
        model.synthesis, objective, settings, range(3), model.w_avg, model.w_std, lambda step: None
    )


def fitted(model: Model, found: Result, *feature_steps: int) -> FeatureOffsets:
    settings = [replace(FITTED, feature_steps=steps) for steps in feature_steps]
    photos = OBSERVED.expand(len(settings), -1, -1, -1)
    return fit_offsets(model.synthesis, OPERATOR, photos, settings, found, 0.0)


def row(found: Result, i: int) -> Result:
    noises = [noise[i, None] for noise in found.noises]
    return Result(found.ws[i, None], noises, [None], [None], found.phase_steps[i : i + 1], [False])


def drawn(model: Model, found: Result, maps: Mapping[int, Tensor]) -> Tensor:
    with torch.no_grad():
        return model.generator.synthesis(found.ws, found.noises, offsets=maps)


@pytest.mark.parametrize("space", ["w", "w++"])
def test_offsets_bring_the_degraded_image_closer_to_the_photo(model: Model, space: str) -> None:
    found = searched(model, space)
    offsets = fitted(model, found, 40, 40, 40)
    photos = OBSERVED.expand(3, -1, -1, -1)
    before, after = (psnr(OPERATOR(drawn(model, found, maps)), photos) for maps in ({}, offsets.maps))
    assert (after > before + 1).all()
    a = model.synthesis.architecture
    assert {side: list(x.shape) for side, x in offsets.maps.items()} == {
        side: [3, count, side, side] for side, count in a.feature_channels.items() if side in (8, 16, 32)
    }


def test_offsets_of_zero_change_nothing(model: Model) -> None:
    found = searched(model)
    zeros = {side: torch.zeros_like(x) for side, x in fitted(model, found, 1, 1, 1).maps.items()}
    torch.testing.assert_close(drawn(model, found, zeros), drawn(model, found, {}), rtol=0, atol=0)


def test_a_problem_is_fitted_alike_whatever_its_neighbours_are(model: Model) -> None:
    found = searched(model)
    together = fitted(model, found, 6, 3, 0)
    for i, steps in enumerate((6, 3)):
        alone = fitted(model, row(found, i), steps)
        for side, x in together.maps.items():
            torch.testing.assert_close(x[i], alone.maps[side][0], rtol=1e-3, atol=1e-5)
    assert all(not x[2].any() for x in together.maps.values())


def test_given_maps_of_another_side_stay_and_reach_no_neighbour(model: Model) -> None:
    found, photos = searched(model), OBSERVED.expand(3, -1, -1, -1)
    own = torch.full([1, model.synthesis.architecture.feature_channels[4], 4, 4], 0.1)
    given = [{4: own}, {}, {}]
    maps = fit_offsets(model.synthesis, OPERATOR, photos, [FITTED] * 3, found, 0.0, given=given).maps
    torch.testing.assert_close(maps[4], torch.cat([own, torch.zeros_like(own), torch.zeros_like(own)]))
    for side, x in fitted(model, found, 12, 12, 12).maps.items():
        torch.testing.assert_close(maps[side][1:], x[1:], rtol=1e-3, atol=1e-5)


def test_a_photo_of_nan_leaves_its_neighbour_as_it_is(model: Model) -> None:
    found = searched(model)
    photos = torch.cat([torch.full_like(OBSERVED, torch.nan), OBSERVED, OBSERVED])
    told: dict[int, list[int]] = {}
    offsets = fit_offsets(
        model.synthesis,
        OPERATOR,
        photos,
        [FITTED] * 3,
        found,
        0.0,
        lambda step, problems, losses: told.update({step: list(problems)}),
    )
    assert all(not x[0].any() for x in offsets.maps.values())
    for side, x in fitted(model, found, 12, 12, 12).maps.items():
        torch.testing.assert_close(offsets.maps[side][1:], x[1:], rtol=1e-3, atol=1e-5)
    assert told == {step: [1, 2] for step in range(12)}


def test_colours_that_no_photo_tells_go_where_they_are_aimed_at(model: Model) -> None:
    """A grey photo's fit keeps an aim that a free one leaves; a neighbour without an aim is fitted as it was."""
    found, photos = searched(model), grey(OBSERVED).expand(3, -1, -1, -1)
    face = drawn(model, found, {})
    aim = (face - grey(face))[:1]

    def fit(*colours: Tensor | None) -> Tensor:
        aims = [Aim(chroma, None) for chroma in colours]
        offsets = fit_offsets(model.synthesis, Grayscale(), photos, [FITTED] * 3, found, 0.0, aims=aims)
        return drawn(model, found, offsets.maps)

    free, aimed = fit(None, None, None), fit(aim, None, None)
    off = [float((x - grey(x) - aim)[0].square().mean()) for x in (free, aimed)]
    assert off[1] < 0.3 * off[0]
    assert psnr(grey(aimed), photos)[0] > psnr(grey(face), photos)[0] + 1
    torch.testing.assert_close(aimed[1:], free[1:], rtol=1e-3, atol=1e-3)


def test_what_a_photo_hides_goes_where_it_is_aimed_at(model: Model) -> None:
    """A hole is filled with the face aimed at; a neighbour without an aim is fitted as it was."""
    found = searched(model)
    face = drawn(model, found, {}).clamp(-1, 1)
    side = face.shape[-1]
    operator = Inpaint(fraction=0.5).bind(face, degraded=False)
    assert operator.known is not None
    hidden = 1 - downsample_area(operator.known, side // 2)
    other = downsample_area((face + 0.3).clamp(-1, 1), side // 2)[:1]

    def fit(*aims: Aim) -> Tensor:
        photos = operator(face)
        return drawn(
            model,
            found,
            fit_offsets(model.synthesis, operator, photos, [FITTED] * 3, found, 0.0, aims=aims).maps,
        )

    nothing = Aim(None, None)
    free, aimed = fit(nothing, nothing, nothing), fit(Aim(None, other), nothing, nothing)
    off = [
        float(((downsample_area(x, side // 2) - other) * hidden)[0].square().mean()) for x in (free, aimed)
    ]
    assert off[1] < 0.5 * off[0]
    torch.testing.assert_close(aimed[1:], free[1:], rtol=1e-3, atol=1e-3)


def test_unmarked_dust_stays_out_of_feature_maps_where_the_loss_is_robust(model: Model) -> None:
    found = searched(model)
    photos = drawn(model, found, {}).clamp(-1, 1)
    spot = slice(None), slice(None), slice(12, 16), slice(20, 24)
    photos[spot] = 1 - 2 * (photos[spot] > 0).float()

    def moved(robust: float) -> float:
        """How far a fit takes the spot's pixels from what the codes draw of them."""
        fit = fit_offsets(model.synthesis, NoDegradation(), photos, [FITTED] * 3, found, robust)
        return float((drawn(model, found, fit.maps) - drawn(model, found, {}))[spot].abs().mean())

    assert moved(5.0) < 0.5 * moved(0.0)


def test_a_search_that_failed_or_was_stopped_is_not_fitted(model: Model) -> None:
    found = searched(model)
    assert not fitted(model, replace(found, failed_step=[3] * 3), 5, 5, 5).maps
    stopped = fitted(model, replace(found, interrupted=[False, True, False]), 5, 5, 5)
    assert not stopped.maps and stopped.interrupted


class Heard:
    """A listener that remembers, and presses Ctrl-C at a step when it is told to."""

    def __init__(self, ctrl_c_at: int = -1) -> None:
        self.values: dict[int, Mapping[str, float]] = {}
        self.images: dict[int, Tensor] = {}
        self._ctrl_c_at = ctrl_c_at

    def losses(self, step: int, values: Mapping[str, float]) -> None:
        self.values[step] = values
        if step == self._ctrl_c_at:
            raise KeyboardInterrupt

    def image(self, step: int, image: Tensor, last: bool) -> None:
        self.images[step] = image.clone()


def run(model: Model, settings: Hyperparameters, listener: Listener) -> Restoration:
    (found,) = passes.restore(model, PixelLoss(), [Problem(PHOTO, GaussianBlur(3), settings)], [listener])
    assert isinstance(found, Restoration)
    return found


def test_a_pass_tells_and_returns_what_was_fitted(model: Model, tmp_path: Path) -> None:
    heard, plain = Heard(), run(model, SEARCH, Heard())
    found = run(model, FITTED, heard)
    assert found.status == "FINISHED"
    assert plain.offsets == {} and found.metrics["fit_psnr"] > plain.metrics["fit_psnr"]
    torch.testing.assert_close(found.ws, plain.ws)
    assert list(heard.values) == list(range(5 + 12))
    assert all(list(heard.values[step]) == ["features_loss"] for step in range(5, 17))
    assert heard.values[16]["features_loss"] < heard.values[5]["features_loss"]
    torch.testing.assert_close(heard.images[16], found.restored)
    assert found.metrics["seconds"] == found.seconds + found.feature_seconds > found.seconds

    path = tmp_path / "latents.npz"
    save_latents(path, found.ws[None], found.noises, found.seed, found.offsets)
    latents = load_latents(path)
    with torch.no_grad():
        noises = [noise[None] for noise in latents.noises]
        image = model.generator.synthesis(latents.ws, noises, offsets=latents.offsets)[0]
    torch.testing.assert_close(image, found.restored)


def test_a_problem_without_feature_steps_records_nothing_of_its_neighbours_fit(model: Model) -> None:
    problems = [Problem(PHOTO, GaussianBlur(3), settings) for settings in (SEARCH, FITTED)]
    plain, fit = passes.restore(model, PixelLoss(), problems)
    assert isinstance(plain, Restoration) and isinstance(fit, Restoration)
    assert plain.offsets == {} and plain.metrics["seconds"] == plain.seconds
    assert fit.offsets and fit.metrics["seconds"] > fit.seconds


def test_a_search_that_starts_from_latents_goes_on_from_their_feature_maps(model: Model) -> None:
    """One step, of a search too small to be seen, then of the fit: maps are a step's length from those given."""
    found = run(model, replace(FITTED, feature_steps=40), Heard())
    start = Latents(
        found.ws[None], found.noises, None, offsets={side: x[None] for side, x in found.offsets.items()}
    )
    still = replace(SEARCH, steps=1, learning_rate=1e-6, jitter=0)
    problems = [
        Problem(PHOTO, GaussianBlur(3), replace(still, feature_steps=steps), start=start) for steps in (0, 1)
    ]
    codes, warm = passes.restore(model, PixelLoss(), problems)
    assert isinstance(codes, Restoration) and isinstance(warm, Restoration)
    assert codes.offsets == {} and warm.metrics["fit_psnr"] > codes.metrics["fit_psnr"] + 1
    assert warm.metrics["fit_psnr"] > found.metrics["fit_psnr"] - 0.1
    for side, x in warm.offsets.items():
        torch.testing.assert_close(x, found.offsets[side], rtol=0, atol=1.01 * RATE)


def test_the_sample_whose_codes_fit_best_is_shown(model: Model) -> None:
    """Fitted feature maps make every sample fit."""
    found = run(model, replace(FITTED, samples=5), Heard())
    codes = run(model, replace(SEARCH, samples=5), Heard())
    assert found.fits == pytest.approx(codes.fits, abs=1e-3)
    assert found.seed == codes.seed
    assert found.metrics["fit_psnr"] > max(found.fits)


def test_ctrl_c_ends_the_fit_with_what_was_reached(model: Model) -> None:
    found = run(model, FITTED, Heard(ctrl_c_at=5 + 3))
    assert found.status == "KILLED"
    assert all(x.any() for x in found.offsets.values())


def test_tuning_of_the_generator_takes_the_place_of_the_fit(model: Model) -> None:
    found = run(model, replace(FITTED, tuning_steps=2), Heard())
    assert found.offsets == {} and found.tuning is not None


def test_a_negative_number_of_steps_is_refused() -> None:
    with pytest.raises(ConfigError, match="feature_steps"):
        replace(SEARCH, feature_steps=-1)
