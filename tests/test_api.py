"""From Python: what is public, and that its defaults are the command line's."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.utils import get_class, instantiate

import inversion
from inversion.checkpoints.checkpoint import Checkpoint
from inversion.checkpoints.safetensors_file import save
from inversion.errors import ConfigError
from inversion.generator.discriminator import Discriminator
from inversion.generator.stylegan2 import Generator
from inversion.presets import composed
from inversion.search.hyperparameters import Hyperparameters

CONF = Path(__file__).parents[1] / "conf"
PUBLIC = {
    "AlignmentError", "CheckpointError", "ConfigError", "Hyperparameters", "Model", "Photo", "Problem", "Restoration",
    "degradations", "load_model", "load_photo", "losses", "metrics", "preset", "restore",
}  # fmt: skip


def stems(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def test_exported_names_are_those_that_are_promised_and_each_can_be_had() -> None:
    assert set(inversion.__all__) == PUBLIC and sorted(inversion.__all__) == list(inversion.__all__)
    for name in inversion.__all__:
        assert getattr(inversion, name) is not None
    assert set(dir(inversion)) == PUBLIC | {"__version__"}
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = inversion.nothing


def test_every_exported_function_and_class_says_what_it_is() -> None:
    for name in inversion.__all__:
        found = getattr(inversion, name)
        assert inspect.getdoc(found), name
        if inspect.isfunction(found):
            assert "Raises" in (found.__doc__ or ""), name


def test_type_checkers_see_the_same_names_as_python() -> None:
    """inversion/__init__.py lists its names for both."""
    tree = ast.parse(Path(inversion.__file__).read_text())
    (typed,) = [node for node in tree.body if isinstance(node, ast.If)]
    names = {alias.name for node in typed.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert names == PUBLIC
    assert Path(inversion.__file__).with_name("py.typed").is_file()


def test_importing_the_package_loads_no_torch() -> None:
    code = "import inversion, sys; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=CONF.parent
    )
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(("group", "package"), [("degradation", "degradations"), ("loss", "losses")])
def test_a_family_exports_every_class_that_a_file_of_conf_builds(group: str, package: str) -> None:
    family = importlib.import_module(f"inversion.{package}")
    built = {get_class(composed(f"{group}={stem}")[group]["_target_"]) for stem in stems(group)}
    assert {kind.__name__ for kind in built} <= set(family.__all__)
    assert all(getattr(family, kind.__name__) is kind for kind in built)


@pytest.mark.parametrize("stem", stems("hyperparameters"))
def test_a_preset_is_the_command_lines(stem: str) -> None:
    assert inversion.preset(stem) == Hyperparameters.of(composed(f"hyperparameters={stem}"))


@pytest.mark.parametrize("stem", stems("degradation"))
def test_a_degradation_gets_the_preset_that_the_command_line_gives_it(stem: str) -> None:
    if stem == "small_noisy_jpeg":
        pytest.skip("of the class Compose, whose preset is that of conf/degradation/compose.yaml")
    operator = instantiate(composed(f"degradation={stem}")["degradation"])
    for net in ("portraits", "ffhq1024"):
        theirs = Hyperparameters.of(composed(f"degradation={stem}", f"generator={net}"))
        assert inversion.preset(degradation=operator, generator=net) == theirs


def test_the_defaults_of_restore_and_load_photo_are_the_command_lines() -> None:
    settings = composed()
    restore = inspect.signature(inversion.restore).parameters
    assert (restore["seed"].default, restore["degraded"].default) == (settings["seed"], settings["degraded"])
    photo = inspect.signature(inversion.load_photo).parameters
    assert (photo["face"].default, photo["degraded"].default) == (
        settings["align"]["face"],
        settings["degraded"],
    )
    model = inspect.signature(inversion.load_model).parameters
    assert model["name"].default == settings["generator"]["name"]
    assert (model["device"].default, model["precision"].default) == (
        settings["device"],
        settings["precision"],
    )


@pytest.fixture(scope="module")
def face(tmp_path_factory: pytest.TempPathFactory) -> inversion.Restoration:
    """The four lines of the README, on a small net and a photo that is aligned already."""
    from tests.conftest import TINY

    torch.manual_seed(0)
    discriminator = Discriminator(
        type(TINY)(
            img_resolution=32, channel_base=256, channel_max=16, z_dim=0, w_dim=0, architecture="resnet"
        )
    )
    generator = Generator(TINY)
    file = tmp_path_factory.mktemp("net") / "tiny.safetensors"
    save(
        Checkpoint(
            TINY, generator.state_dict(), discriminator.architecture, discriminator.state_dict(), w_std=1.0
        ),
        file,
    )
    model = inversion.load_model(file, device="cpu", precision="fp32")
    photo = inversion.load_photo(CONF / "experiment" / "blurred.png", model, align=False)
    return inversion.restore(
        model, photo, inversion.degradations.GaussianBlur(kernel_size=5), steps=2, seed=3
    )


def test_a_restoration_has_its_picture_its_codes_and_its_metrics(
    face: inversion.Restoration, tmp_path: Path
) -> None:
    face.image.save(tmp_path / "restored.png")
    assert face.image.size == (32, 32) and (tmp_path / "restored.png").is_file()
    assert face.ws.shape[-1] == 16 and face.status == "FINISHED"
    assert 0 < face.metrics["psnr"] < 60
    assert (face.problem.hyperparameters.steps, face.problem.seed) == (2, 3)
    assert face.problem.hyperparameters.reg == inversion.preset("deblur").reg


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: inversion.load_model("nonsense"), "nonsense"),
        (lambda: inversion.preset("nonsense"), "nonsense"),
        (lambda: inversion.preset("deblur", stepz=3), "No such hyperparameter: stepz"),
        (
            lambda: inversion.preset("deblur", steps=0),
            "steps must be a whole number of at least 1. Got steps=0",
        ),
    ],
)
def test_a_mistake_is_a_config_error_that_names_it(call: Any, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        call()
    assert words in str(caught.value)
