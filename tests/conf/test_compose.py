"""Every YAML composes and builds, and what a person could mistype is refused before anything is loaded."""

from __future__ import annotations

import pytest
import torch
from hydra.errors import ConfigCompositionException
from hydra.utils import get_class, get_method, instantiate
from omegaconf import OmegaConf

from conf.schema import PRESETS, SMALL
from inversion.search.hyperparameters import Hyperparameters
from tests.conf.choices import CHOICES, CONF, composed
from tests.pairs import pairs

BUILT = ("degradation", "input", "loss")  # objects; a generator's target is a function that reads a file


def test_there_are_yaml_files_in_every_group() -> None:
    groups = {choice.split("=")[0] for choice in CHOICES}
    assert groups >= {"generator", "degradation", "hyperparameters", "loss", "tracking", "input"}


@pytest.mark.parametrize("choice", CHOICES)
def test_every_yaml_composes_and_its_target_builds(choice: str) -> None:
    if choice == "launcher=ray":
        pytest.importorskip("hydra_plugins.hydra_ray_launcher")
    cfg = composed(choice)
    Hyperparameters.of(cfg)
    for group in BUILT:
        assert isinstance(instantiate(cfg[group]), get_class(cfg[group]._target_))
    assert callable(get_method(cfg.generator._target_))


@pytest.mark.parametrize("degradation", [path.stem for path in (CONF / "degradation").glob("*.yaml")])
def test_a_degradation_without_a_preset_gets_a_sensible_one(degradation: str) -> None:
    preset = PRESETS.get(degradation, "invert")
    alone, named = composed(f"degradation={degradation}"), composed(f"hyperparameters={preset}")
    assert (alone.steps, alone.reg) == (named.steps, named.reg)


# Auto needs a photo's file.
@pytest.mark.parametrize(
    "degradation", [path.stem for path in (CONF / "degradation").glob("*.yaml") if path.stem != "auto"]
)
def test_every_degradation_corrupts_a_picture_as_it_comes_from_its_yaml(degradation: str) -> None:
    settings = OmegaConf.to_container(composed(f"degradation={degradation}"), resolve=True)
    assert isinstance(settings, dict)
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    operator = instantiate(settings["degradation"]).bind(picture, False)
    assert operator(picture).shape == picture.shape
    assert torch.equal(operator(picture), picture) == (degradation in ("none", "sensor_noise"))


# What the two reports found good: reg and steps, from and to.
REPORTED = {
    "none": ((0.001, 0.001), (1000, 1000)),
    "blur": ((0.2, 0.5), (700, 1000)),
    "grayscale": ((0.3, 0.6), (500, 900)),
    "inpaint": ((0.001, 0.5), (750, 1000)),
}
NETS = [path.stem for path in sorted((CONF / "generator").glob("*.yaml")) if path.stem not in SMALL]


@pytest.mark.parametrize(("net", "degradation"), pairs(NETS, REPORTED))
def test_published_nets_and_files_get_the_reports_values(net: str, degradation: str) -> None:
    extra = ["generator.path=x.pkl"] if net == "file" else []
    cfg = composed(f"generator={net}", f"degradation={degradation}", *extra)
    (reg_from, reg_to), (steps_from, steps_to) = REPORTED[degradation]
    assert reg_from <= cfg.reg <= reg_to and steps_from <= cfg.steps <= steps_to
    schedule = (cfg.space, cfg.learning_rate, cfg.ramp_up, cfg.ramp_down, cfg.jitter, cfg.jitter_until)
    assert schedule == ("w", 0.1, 0.05, 0.25, 0.05, 0.75)
    assert (cfg.noise_weight, cfg.prior, cfg.optimizer) == (1e5, "distance", "torch_adam")
    assert cfg.loss._target_ == "inversion.losses.lpips.LPIPS"


@pytest.mark.parametrize("degradation", [path.stem for path in (CONF / "degradation").glob("*.yaml")])
def test_every_degradation_has_a_preset_for_published_nets(degradation: str) -> None:
    cfg = composed("generator=ffhq1024", f"degradation={degradation}")
    assert (cfg.space, cfg.noise_weight) == ("w", 1e5)


def test_a_small_file_is_searched_as_the_embedded_net_is() -> None:
    small = composed("generator=small_file", "generator.path=x.pkl", "degradation=blur")
    embedded = composed("degradation=blur")
    del small.generator, embedded.generator
    assert small == embedded


def test_a_persons_choices_win_over_those_for_published_nets() -> None:
    cfg = composed("generator=ffhq1024", "loss=pixel", "hyperparameters=deblur", "steps=7")
    assert cfg.loss._target_.endswith("PixelLoss") and (cfg.space, cfg.steps) == ("w+", 7)


def test_a_named_preset_and_a_value_win_over_the_degradations_own() -> None:
    cfg = composed("degradation=blur", "hyperparameters=invert", "reg=0.25")
    assert (cfg.steps, cfg.reg) == (composed("hyperparameters=invert").steps, 0.25)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("regg=0.5", "Key 'regg' not in 'Config'"),
        ("steps=many", "'many' of type 'str' could not be converted to Integer"),
        ("degradation=blurr", "Could not find 'degradation/blurr'"),
        ("degradation.kernel=5", "Could not override 'degradation.kernel'"),
        ("tracking.url=x", "Key 'url' not in 'Tracking'"),
        ("align.fac=1", "Could not override 'align.fac'"),
    ],
)
def test_a_mistake_is_refused_with_its_name(override: str, message: str) -> None:
    with pytest.raises(ConfigCompositionException) as caught:
        composed(override)
    assert message in f"{caught.value} {caught.value.__cause__}"


def test_a_wrong_type_in_a_group_is_refused() -> None:
    with pytest.raises(ConfigCompositionException) as caught:
        composed("degradation=motion_blur", "degradation.angle=steep")
    assert "could not be converted to Float" in f"{caught.value} {caught.value.__cause__}"


def test_align_takes_false_and_a_face_number() -> None:
    assert composed("align=false").input.align is False
    assert composed("align.face=1").input.align.face == 1
