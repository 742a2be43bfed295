"""Every experiment composes, lists its points and says what it takes; the blurred photo is what it claims to be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from conf.schema import register
from inversion.checkpoints.sources import embedded
from inversion.degradations.blur import GaussianBlur
from inversion.images import quantize, read_photo, to_tensor
from inversion.model import build
from inversion.photos import Photos

CONF = Path(__file__).parents[2] / "conf"
EXPERIMENTS = sorted((CONF / "experiment").glob("*.yaml"))


def composed(name: str, *overrides: str) -> DictConfig:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", [f"+experiment={name}", *overrides], return_hydra_config=True)


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_an_experiment_is_a_grid_by_itself_and_its_axes_are_settings(path: Path) -> None:
    config = composed(path.stem)
    assert config.hydra.mode.name == "MULTIRUN"
    for key, values in config.hydra.sweeper.params.items():
        first = str(values).split(",")[0]
        assert composed(path.stem, f"{key}={first}") != config, key


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_an_experiment_says_its_command_its_minutes_and_what_to_expect(path: Path) -> None:
    header = "".join(line for line in path.read_text().splitlines(keepends=True) if line.startswith("#"))
    assert f"python run.py +experiment={path.stem}" in header
    assert re.search(r"\d (CPU )?min", header) and "Measured" in header


def test_the_blurred_photo_is_the_sample_portrait_blurred_by_the_kernel_that_the_header_names() -> None:
    header = (CONF / "experiment" / "deblur_kernels.yaml").read_text()
    found = re.search(r"degradation\.kernel_size=(\d+) steps=1", header)
    assert found is not None
    model = build(embedded("portraits"), torch.device("cpu"))
    (portrait,) = Photos().load(model.generator).photos
    x = portrait.image[None]
    expected = quantize(GaussianBlur(int(found[1])).bind(x, degraded=False)(x))[0]
    shipped = to_tensor(read_photo(CONF / "experiment" / "blurred.png"))
    torch.testing.assert_close(shipped, expected, rtol=0, atol=1.01 / 127.5)
    truth = composed("deblur_kernels").hydra.sweeper.params["degradation.kernel_size"]
    assert found[1] in str(truth).split(",")[1:-1]  # not at the scan's edge
