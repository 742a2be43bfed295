"""Every YAML composes and builds, and what a person could mistype is refused before anything is loaded."""

from __future__ import annotations

import pytest
import torch
from hydra.errors import ConfigCompositionException
from hydra.utils import get_class, get_method, instantiate
from omegaconf import OmegaConf

from conf.schema import PRESETS
from inversion.search.hyperparameters import Hyperparameters
from tests.conf.choices import CHOICES, CONF, composed

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


@pytest.mark.parametrize("degradation", [path.stem for path in (CONF / "degradation").glob("*.yaml")])
def test_every_degradation_corrupts_a_picture_as_it_comes_from_its_yaml(degradation: str) -> None:
    settings = OmegaConf.to_container(composed(f"degradation={degradation}"), resolve=True)
    assert isinstance(settings, dict)
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    operator = instantiate(settings["degradation"]).bind(picture, False)
    assert operator(picture).shape == picture.shape
    assert torch.equal(operator(picture), picture) == (degradation in ("none", "sensor_noise"))


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
        composed("degradation=blur", "degradation.sigma=big")
    assert "could not be converted to Float" in f"{caught.value} {caught.value.__cause__}"


def test_align_takes_false_and_a_face_number() -> None:
    assert composed("align=false").input.align is False
    assert composed("align.face=1").input.align.face == 1
