"""One of each family from outside the package, as docs/extending.md and README have it."""

from __future__ import annotations

import importlib
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import Tensor

from conf.schema import register
from inversion.checkpoints.sources import embedded
from inversion.degradations.degradation import Degradation
from inversion.errors import ConfigError
from inversion.metrics.metric import evaluate, load_metrics
from inversion.model import Model, build
from inversion.search import families
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.objective import Objective, checked
from inversion.search.optimize import Result, Step, optimize
from inversion.search.stacked import Stacked

PROJECT = Path(__file__).parents[1]
PAGE = (PROJECT / "docs" / "extending.md").read_text()
README = (PROJECT / "README.md").read_text()
CPU = torch.device("cpu")


def files(text: str) -> dict[str, str]:
    """The code blocks that a line with a file's name precedes."""
    return dict(
        re.findall(r"^`([\w/.]+)`:\n\n```(?:python|yaml)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    )


def commands(text: str) -> list[list[str]]:
    """The overrides of every command, without the options."""
    lines = re.findall(r"^python run\.py ((?:--config-dir my_conf )?\S.*[^…])$", text, re.MULTILINE)
    return [shlex.split(line.removeprefix("--config-dir my_conf "), comments=True) for line in lines]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The page's files, importable as long as the tests of this module run."""
    folder = tmp_path_factory.mktemp("outside")
    for name, text in ({"my_faces/__init__.py": ""} | files(PAGE)).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.split(".")[0] == "my_faces"]:
        del sys.modules[name]


def composed(folder: Path, overrides: list[str]) -> dict[str, Any]:
    """As `python run.py --config-dir my_conf` composes it."""
    register()
    with initialize_config_dir(str(PROJECT / "conf"), version_base="1.3"):
        cfg = compose("config", [f"hydra.searchpath=[file://{folder}/my_conf]", *overrides])
    return OmegaConf.to_container(cfg, resolve=True)  # type: ignore[return-value]


def searched(cfg: dict[str, Any], steps: list[Step], count: int = 1, length: int = 6) -> tuple[Model, Result]:
    """The search that a configuration describes, for a face of the generator's own."""
    cfg = cfg | {"steps": length}
    if cfg["input"]["_target_"].startswith("inversion.photos.Photos"):
        cfg["input"] = {"_target_": "inversion.photos.Synthetic", "seed": 3}
    model = build(instantiate(cfg["generator"]), CPU)
    loss = checked(instantiate(cfg["loss"])).bind(model.discriminator, CPU)
    photo = instantiate(cfg["input"]).load(model.generator).photos[0].image[None]
    operator = instantiate(cfg["degradation"]).bind(photo, False)
    hyperparameters = [Hyperparameters.of(cfg)] * count
    observed = operator.observe(photo, torch.Generator().manual_seed(0)).expand(count, -1, -1, -1)
    prior = model.prior(hyperparameters[0].prior)
    objective = Objective(loss, Stacked((operator,) * count), observed, hyperparameters, prior)
    seeds = list(range(count))
    found = optimize(
        model.synthesis, objective, hyperparameters, seeds, model.w_avg, model.w_std, steps.append
    )
    return model, found


def test_the_page_has_an_example_of_every_family() -> None:
    headings = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
    assert headings[:-1] == [
        "Degradation",
        "Loss",
        "Prior",
        "Optimizer",
        "Latent space",
        "Metric",
        "Generator",
        "Photo source",
    ]
    assert len([name for name in files(PAGE) if name.endswith(".py")]) == 8
    assert len(commands(PAGE)) == 9


@pytest.mark.parametrize("overrides", commands(PAGE), ids=" ".join)
def test_every_command_of_the_page_searches_and_finds(folder: Path, overrides: list[str]) -> None:
    steps: list[Step] = []
    small = [] if any(word.startswith("generator=") for word in overrides) else ["generator=portraits64"]
    _, found = searched(composed(folder, [*small, *overrides]), steps, length=20)
    assert found.failed_step == [None] and found.ws.isfinite().all()
    first, last = (sum(term.item() for term in step.terms.values()) for step in (steps[0], steps[-1]))
    assert last < first


def test_all_of_them_together_from_the_command_line(folder: Path) -> None:
    """One run of `run.py` in another folder, with every family of the page."""
    every = [override for command in commands(PAGE) for override in command]
    every.remove("loss=discriminator")  # of the generator's command: here the page's own loss is used
    overrides = {override.split("=")[0]: override for override in every}
    fast = ["steps=3", "tracking=none", "precision=fp32", f"hydra.run.dir={folder}/out"]
    done = subprocess.run(
        [sys.executable, str(PROJECT / "run.py"), "--config-dir", "my_conf", *overrides.values(), *fast],
        capture_output=True,
        text=True,
        timeout=600,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{PROJECT}", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    header = (folder / "out" / "losses.csv").read_text().splitlines()[0].split(",")
    assert {"edges", "l1", "latent"} <= set(header)
    assert "mean_colour_error" in json.loads((folder / "out" / "summary.json").read_text())


def test_problems_with_an_optimizer_and_a_space_from_outside_do_not_change_each_others_results(
    folder: Path,
) -> None:
    phases = "phases=[{space: w}, {space: my_faces.three_codes.ThreeCodes}]"
    words = ["optimizer=my_faces.lion.Lion", "learning_rate=0.02", "space=null", phases]
    cfg = composed(folder, ["generator=portraits64", *words])
    _, alone = searched(cfg, [])
    _, together = searched(cfg, [], count=2)
    torch.testing.assert_close(together.ws[:1], alone.ws, rtol=1e-3, atol=1e-4)
    assert not torch.allclose(together.ws[1], together.ws[0], rtol=0, atol=1e-2)


def test_a_space_from_outside_ties_its_own_layers(folder: Path) -> None:
    _, found = searched(composed(folder, ["space=my_faces.three_codes.ThreeCodes"]), [])
    codes = [
        len(part.unique(dim=1).unbind(1)) for part in found.ws.split([4, 4, found.ws.shape[1] - 8], dim=1)
    ]
    assert codes == [1, 1, 1]
    assert len(found.ws.unique(dim=1).unbind(1)) == 3


def test_a_curved_space_from_outside_starts_where_the_search_is_and_returns_codes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Codes as e to the latent: while nothing moves, phases in and out of it change nothing."""
    (tmp_path / "curved_space.py").write_text(
        "from inversion.latents.space import LatentSpace\n"
        "class Logarithm(LatentSpace):\n"
        "    def from_ws(self, ws):\n"
        "        return (ws.abs() + 1).log() * ws.sign()\n"
        "    def to_ws(self, latent):\n"
        "        return (latent.abs().exp() - 1) * latent.sign()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    phases = (
        "phases=[{space: w+}, {space: curved_space.Logarithm}, {space: w++}, {space: curved_space.Logarithm}]"
    )
    still = ["space=null", phases, "learning_rate=1e-9", "jitter=0", "steps=8"]
    model, found = searched(composed(folder, still), [], count=2)
    start = model.w_avg.expand_as(found.ws)
    torch.testing.assert_close(found.ws, start, rtol=1e-4, atol=1e-5)


def test_a_metric_from_outside_gives_one_value_per_image(folder: Path) -> None:
    metrics = load_metrics(["my_faces.metrics.mean_colour_error"])
    images = torch.zeros(3, 3, 8, 8)
    originals = images.clone()
    originals[1, 0] = 0.3
    originals[2] = 0.5
    values = evaluate(metrics, images, originals)
    assert values["mean_colour_error"] == pytest.approx([0.0, 0.3, 0.5 * 3**0.5])


def test_a_metric_that_cannot_be_used_is_refused_by_name(folder: Path) -> None:
    with pytest.raises(
        ConfigError, match="metrics must have different names. Got two called mean_colour_error"
    ):
        load_metrics(["my_faces.metrics.mean_colour_error"] * 2)
    with pytest.raises(ConfigError, match="metrics must be .* Got metrics=mean_colour_error"):
        load_metrics(["mean_colour_error"])
    whole: dict[str, Callable[..., Any]] = {"mean": lambda images, originals: images.mean()}
    with pytest.raises(ConfigError, match=r"shape \[2\]. Got shape \[\] from mean"):
        evaluate(whole, torch.zeros(2, 3, 8, 8), torch.zeros(2, 3, 8, 8))


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        (
            "optimizer",
            "lion",
            "optimizer must be adam, torch_adam, ngd, or the dotted path .* Got optimizer=lion",
        ),
        ("optimizer", "no_such_faces.lion.Lion", "No module named 'no_such_faces'. PYTHONPATH must contain"),
        ("optimizer", "my_faces.lion.Tiger", r"my_faces.lion \(.*lion.py\) has no Tiger"),
        ("optimizer", "my_faces.three_codes.ThreeCodes", "without step, select, restart"),
        ("space", "my_faces.lion.Lion", "space must name a subclass of inversion.latents.space.LatentSpace"),
        ("space", "my_faces.", "space must be w, .* Got space=my_faces."),
        ("prior", "my_faces.three_codes.GROUPS", r"prior must name a class or function .* is \(4, 4\)"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused_with_what_would_work(
    folder: Path, setting: str, value: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        Hyperparameters(**{setting: value})  # type: ignore[arg-type]


def test_every_built_in_name_leads_somewhere() -> None:
    for find, names in (
        (families.latent_space, families.SPACES),
        (families.optimizer, families.OPTIMIZERS),
        (families.prior, families.PRIORS),
    ):
        for name in names:
            assert find(name) is find(name)


def test_readmes_own_degradation_works_as_it_is_written_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = files(README)
    code, yaml = written["inversion/degradations/posterize.py"], written["conf/degradation/posterize.yaml"]
    (tmp_path / "posterize.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("posterize")
    settings = OmegaConf.create(yaml)
    assert settings._target_ == "inversion.degradations.posterize.Posterize"
    settings._target_ = "posterize.Posterize"
    operator = instantiate(settings, levels=2)
    assert isinstance(operator, Degradation) and operator == module.Posterize(levels=2)
    x = torch.tensor([-0.9, -0.1, 0.1, 0.9]).expand(1, 3, 1, 4).clone().requires_grad_()
    y: Tensor = operator(x)
    assert y[0, 0, 0].tolist() == pytest.approx([-1, -1, 1, 1])
    y.sum().backward()
    assert x.grad is not None and (x.grad == 1).all()


def test_the_generator_of_the_page_is_another_network(folder: Path) -> None:
    silent = instantiate(composed(folder, ["generator=silent"])["generator"])
    original = embedded("portraits")
    assert silent.sha256 != original.sha256
    generators = [build(checkpoint, CPU).generator for checkpoint in (silent, original)]
    z = torch.randn(1, original.architecture.z_dim, generator=torch.Generator().manual_seed(0))
    ws = generators[0].mapping(z)
    for network, same in zip(generators, (True, False), strict=True):
        quiet, loud = (
            [torch.full([1, 1, side, side], level) for side in network.synthesis.noise_resolutions]
            for level in (0.0, 1.0)
        )
        assert torch.equal(network.synthesis(ws, quiet), network.synthesis(ws, loud)) == same
