"""What Python builds without arguments is what the command line builds without overrides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import get_class, instantiate
from omegaconf import DictConfig

from conf.schema import register
from inversion.search.hyperparameters import Hyperparameters

CONF = Path(__file__).parents[2] / "conf"
# lists of steps, of which the class has none by default; losses that are others with one value changed
COMPOSITIONS = ("compose", "small_noisy_jpeg", "discriminator_robust", "lpips_robust")
CHOICES = [
    f"{group}={path.stem}"
    for group in ("degradation", "loss")
    for path in sorted((CONF / group).glob("*.yaml"))
    if path.stem not in COMPOSITIONS
]


@pytest.fixture(autouse=True)
def config_folder() -> Iterator[None]:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


def composed(*overrides: str) -> DictConfig:
    return compose("config", list(overrides))


@pytest.mark.parametrize("choice", CHOICES)
def test_a_yaml_and_its_class_have_the_same_defaults(choice: str) -> None:
    node = composed(choice)[choice.split("=")[0]]
    kind = get_class(node._target_)
    assert instantiate(node) == kind()
    named = {field.name for field in fields(kind) if field.init and field.repr}
    assert set(node) - {"_target_"} == named  # nothing that a person could set is missing from the YAML


def test_hyperparameters_without_arguments_are_the_reference_preset_with_our_own_adam() -> None:
    reference = Hyperparameters.of(composed("hyperparameters=reference"))
    assert replace(Hyperparameters(), reg=0.0, optimizer="torch_adam") == reference
