"""A grid is known, and refused where it cannot work, before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from inversion.errors import ConfigError
from inversion.generator.discriminator import Discriminator
from inversion.generator.stylegan2 import Generator
from sweeps.plan.composer import Composer
from sweeps.plan.grid import Grid, read_grid
from sweeps.plan.interpolations import followers
from tests.end_to_end.sweeping import write_weights

ALL_READ = ("seed", "reg", "input.mask")
pytestmark = pytest.mark.usefixtures("hydra")


@pytest.fixture
def weights(tmp_path: Path, tiny_generator: Generator, tiny_discriminator: Discriminator) -> str:
    path = write_weights(tmp_path / "tiny.safetensors", tiny_generator, tiny_discriminator)
    return f"generator.path={path}"


def grid(*overrides: str, params: dict[str, str] | None = None) -> Grid:
    """params: hydra.sweeper.params, as an experiment's file gives them."""
    config = composed_sweep(*overrides)
    config.hydra.sweeper.params = params
    return read_grid(config)


def composed_sweep(*overrides: str) -> DictConfig:
    words = ["input=synthetic", "generator=small_file", *overrides]
    loader = GlobalHydra.instance().config_loader()
    return loader.load_configuration("config", words, run_mode=RunMode.MULTIRUN)


def test_cells_are_the_product_of_the_axes(weights: str) -> None:
    found = grid(weights, "steps=2,3", "reg=0.1,0.5", "seed=1")
    assert found.axes == {"steps": ["2", "3"], "reg": ["0.1", "0.5"]}
    assert [cell.point for cell in found.cells] == [
        "steps=2 reg=0.1",
        "steps=2 reg=0.5",
        "steps=3 reg=0.1",
        "steps=3 reg=0.5",
    ]
    assert len({cell.fingerprint for cell in found.cells}) == 4


@pytest.mark.parametrize(
    ("words", "warned"),
    [
        (("degradation=jpeg", "degradation.quality=20,50"), True),
        (("degradation=jpeg", "degradation.quality=20,50", "feature_steps=0"), False),
        (("degradation=blur", "degradation.kernel_size=3,5"), False),  # the photo itself tells
        (("degradation=jpeg", "reg=1,2"), False),
    ],
)
def test_cells_that_feature_maps_make_alike_are_told_of_before_they_run(
    weights: str, words: tuple[str, ...], warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    grid(weights, "input=photo", "degraded=true", *words)
    assert ("feature_steps=0 leaves them" in caplog.text) is warned


def test_the_same_grid_in_another_order_is_the_same_sweep(weights: str) -> None:
    first, again, other = (
        grid(weights, *words)
        for words in (
            ["steps=2,3", "reg=0.1,0.5"],
            ["reg=0.5,0.1", "steps=3,2", "device=cpu"],
            ["steps=2,3", "reg=0.1"],
        )
    )
    assert first.fingerprint == again.fingerprint != other.fingerprint


def test_a_value_twice_is_one_point(weights: str) -> None:
    assert len(grid(weights, "steps=2,2,3").cells) == 2


def test_axes_of_an_experiment_file_count(weights: str) -> None:
    found = grid(weights, "reg=0.1,0.5", params={"steps": "2,3"})
    assert set(found.axes) == {"steps", "reg"} and len(found.cells) == 4


def test_a_folder_has_a_cell_per_photo(weights: str, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / "photos" / name).write_bytes(name.encode())
    cells = grid(weights, "input=photo", f"image={tmp_path}/photos", "steps=2,3").cells
    assert [(cell.point, cell.photo) for cell in cells] == [
        (f"steps={steps}", name) for steps in (2, 3) for name in ("a.png", "b.png")
    ]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["steps=3,0"], "steps must be"),
        (["steps=3", "reg=0.1,-1"], "reg must be"),
        (["degradation=blur", "degradation.kernel_size=5,99"], "kernel_size must be"),
        (["degradation=blur", "degradation.kernel_size=10%,200%"], "kernel_size must be"),
        (["degradation=blur", "degradation.kernel_size=auto,5"], "Got degraded=false"),
        (["degradation=auto", "reg=0.1,1"], "Got degraded=false"),
        (["degradation=inpaint", "degradation.fraction=0.5,2"], "fraction must be"),
        (["input=photo", "image=nowhere.jpg", "steps=2,3"], "nowhere.jpg"),
    ],
)
def test_a_value_that_cannot_work_is_refused_with_its_name(
    weights: str, overrides: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        grid(weights, *overrides)


@pytest.mark.parametrize("overrides", [["steps=2,many"], ["regg=1,2"], ["degradation=blur,blurr"]])
def test_a_key_or_type_that_does_not_exist_is_refused_in_hydras_words(
    weights: str, overrides: list[str]
) -> None:
    with pytest.raises(HydraException):
        grid(weights, *overrides)


@pytest.mark.parametrize(
    "words",
    [
        ["degradation=blur", "degradation.kernel_size=5", "reg=0.5"],
        ["degradation=blur", "degradation.kernel_size=5", "degradation.sigma=2", "reg=0.5", "reg=1"],
        ["degradation=inpaint", "degradation.mask=face.png", "seed=3"],  # input.mask follows
        ["input.truncation_psi=0.5", "+input.max_size=${seed}", "max_size=64,", "seed=3"],
        ["image=a.jpg", "input=photo", "degraded=true", "tracking.uri=http://head", "metrics=[a.b,c]"],
        ["reg=${learning_rate}", "learning_rate=0.2"],
        ["+phases=[{space: w}, {space: w+}]", "space=null", "phases=[]"],
        ["hyperparameters=robust", "phases.0.share=2.0", "phases.1.learning_rate=0.3"],
        ["tracking.artifacts='${artifacts_for:${tracking.uri}}/${seed}/${device}'", "seed=1", "device=cpu"],
    ],
)
def test_composing_in_short_gives_what_hydra_composes(weights: str, words: list[str]) -> None:
    words = ["input=synthetic", "generator=small_file", weights, *(w for w in words if not w.endswith(","))]
    loader = GlobalHydra.instance().config_loader()
    config = loader.load_configuration("config", words, run_mode=RunMode.MULTIRUN)
    whole = loader.load_sweep_config(config, words)
    del whole._content["hydra"]  # type: ignore[union-attr]
    composer = Composer(config)
    composer.values([word for word in words if not word.startswith("reg=")])
    expected = OmegaConf.to_container(whole, resolve=True)
    assert composer.values(words) == expected
    assert composer.values(words) == expected  # and again, from what is kept by now
    assert OmegaConf.to_container(composer.settings(words), resolve=True) == expected


def test_points_share_what_does_not_vary(weights: str) -> None:
    words = ["input=synthetic", "generator=small_file", weights, "degradation=blur"]
    loader = GlobalHydra.instance().config_loader()
    config = loader.load_configuration("config", words, run_mode=RunMode.MULTIRUN)
    composer = Composer(config)
    one, other = (composer.values([*words, f"reg={reg}", "degradation.sigma=2"]) for reg in (0.1, 0.2))
    assert one["loss"] is other["loss"] and one["launcher"] is other["launcher"]
    assert (one["reg"], other["reg"]) == (0.1, 0.2) and len(composer._composed) == 1


def test_a_setting_that_follows_from_two_axes_is_composed_for_every_point(weights: str) -> None:
    """Neither axis alone changes it: what each value does alone would not show."""
    OmegaConf.register_new_resolver("both", lambda a, b: a == 2 and b == 2, replace=True)
    words = ["input=synthetic", "generator=small_file", weights, "early_stop='${both:${seed},${steps}}'"]
    loader = GlobalHydra.instance().config_loader()
    config = loader.load_configuration("config", words, run_mode=RunMode.MULTIRUN)
    composer = Composer(config)
    points = [(1, 1), (1, 2), (2, 1), (2, 2)]
    found = [composer.values([*words, f"seed={s}", f"steps={t}"])["early_stop"] for s, t in points]
    assert found == [False, False, False, True]


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("${seed}", {"seed"}),
        ("a ${reg} b ${seed}", {"reg", "seed"}),
        ("${input}", {"input.mask"}),
        ("${oc.select:input.mask,null}", {"input.mask"}),
        ("${through}", {"reg"}),
        ("${oc.select:${name}}", {"seed", "reg", "input.mask"}),  # computed: whatever it may be
        ("${.seed}", {"seed", "reg", "input.mask"}),
        ("${oc.env:HOME}", set()),
        ("${seeds}", set()),
    ],
)
def test_what_an_interpolation_may_read(text: str, reads: set[str]) -> None:
    own = {"seed": 1, "seeds": 1, "reg": 1, "input": {"mask": None}, "through": "${reg}", "name": "x"}
    found = followers(OmegaConf.create({**own, "one": {"list": [{"it": text}]}}), list(ALL_READ))
    assert found.get("one.list.0.it", set()) == reads


def test_a_job_composed_in_short_is_what_hydra_gives_its_launcher(weights: str) -> None:
    words = ["input=synthetic", "generator=small_file", weights, "degradation=blur", "reg=0.5", "steps=3"]
    loader = GlobalHydra.instance().config_loader()
    config = loader.load_configuration("config", words, run_mode=RunMode.MULTIRUN)
    composer = Composer(config)
    composer.job([*words[:-1], "steps=2"], 0)  # the composition that the next one is a copy of
    ours, theirs = composer.job(words, 7), loader.load_sweep_config(config, words)
    with open_dict(theirs):
        theirs.hydra.job.id = theirs.hydra.job.num = 7
    assert OmegaConf.to_container(ours) == OmegaConf.to_container(theirs)
    assert ours.hydra.overrides.task == words and "steps=3" in ours.hydra.job.override_dirname


def test_an_interval_is_an_axis_of_a_search_whose_points_nobody_knows_yet(weights: str) -> None:
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
    found = grid(weights, "hydra/sweeper=optuna", "reg=tag(log, interval(0.01, 1.0))", "steps=2")
    assert found.axes == {"reg": ["tag(log, interval(0.01, 1.0))"]} and found.cells == []


def test_what_is_found_in_a_photo_is_a_point_beside_what_is_said(weights: str) -> None:
    cells = grid(weights, "degradation=auto", "degraded=true", "degradation.mask=auto,none").cells
    assert [cell.point for cell in cells] == ["degradation.mask=auto", "degradation.mask=none"]
    assert cells[0].fingerprint != cells[1].fingerprint


def test_a_kernel_that_the_photo_shall_tell_is_no_mistake(weights: str) -> None:
    cells = grid(weights, "degradation=blur", "degraded=true", "degradation.kernel_size=auto,5").cells
    assert [cell.point for cell in cells] == ["degradation.kernel_size=auto", "degradation.kernel_size=5"]


@pytest.mark.parametrize(
    "length",
    [
        "blur degradation.kernel_size=10%,100px",
        "blur degradation.sigma=5%",
        "motion_blur degradation.length=30px",
    ],
)
def test_lengths_with_a_unit_may_be_swept(weights: str, length: str) -> None:
    degradation, setting = length.split()
    cells = grid(weights, f"degradation={degradation}", setting, "reg=0.1").cells
    assert len(cells) == setting.count(",") + 1


@pytest.mark.parametrize(
    ("words", "got"),
    [
        (["seed=range(0,1e15)"], "1,000,000,000,000,000"),
        (["seed=range(0,1000)", "reg=0.1,0.2", "steps=range(100,1,-1)"], "198,000"),
        (["seed=range(0,1e300)"], "1,0"),
    ],
)
def test_more_points_than_anyone_can_run_are_refused_before_they_are_composed(
    weights: str, words: list[str], got: str
) -> None:
    with pytest.raises(ConfigError, match=rf"^A sweep may have 100,000 points\. Got {got}") as refused:
        grid(weights, *words)
    assert len(str(refused.value)) < 200


def test_what_a_sampler_chooses_from_may_be_larger(weights: str) -> None:
    config = composed_sweep(weights, "seed=range(0,1e15)", "steps=range(1,1000)")
    config.hydra.sweeper._target_ = "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper"
    found = read_grid(config)
    assert found.cells == [] and found.axes["seed"] == ["range(0,1e15)"]
    assert len(found.axes["steps"]) == 999
