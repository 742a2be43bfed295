"""points=FILE runs the lines of a table, and says so where it cannot."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig
from PIL import Image

from inversion.errors import ConfigError
from sweeps.plan.grid import read_grid
from sweeps.plan.points import read_points, refuse_without_sweep, take_points
from sweeps.plan.seeds import repeat

pytestmark = pytest.mark.usefixtures("hydra")


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two photos, one of them with a name that Hydra's grammar would take apart."""
    monkeypatch.chdir(tmp_path)
    for shade, name in enumerate(("me.png", "a, b (2).png")):
        Image.new("RGB", (8, 8), (shade, 0, 0)).save(name)
    return tmp_path


def composed(*words: str) -> DictConfig:
    loader = GlobalHydra.instance().config_loader()
    return loader.load_configuration("config", ["generator=portraits64", *words], run_mode=RunMode.MULTIRUN)


def write(text: str) -> str:
    Path("cases.csv").write_text(text, encoding="utf-8")
    return "cases.csv"


def points(*lines: str) -> str:
    return f"points={write(chr(10).join(lines))}"


def test_every_line_is_a_point_with_its_own_photo_reg_and_steps(photos: Path) -> None:
    table = write('image,reg,steps\nme.png,0.3,500\n"a, b (2).png",0.5,20\n')
    config = composed(f"points={table}", "degradation=blur")
    take_points(config)
    grid = read_grid(config)
    assert [(cell.photo, cell.point) for cell in grid.cells] == [
        ("me.png", "image=me.png reg=0.3 steps=500"),
        ("a, b (2).png", "image='a, b (2).png' reg=0.5 steps=20"),
    ]
    assert list(grid.axes) == ["image", "reg", "steps"] and grid.axes["reg"] == ["0.3", "0.5"]
    assert grid.table == str(photos / "cases.csv")


def test_axes_and_seeds_go_with_every_line(photos: Path) -> None:
    config = composed(points("reg,steps", "0.3,5", "0.5,20"), "input=synthetic", "seeds=2", "max_size=64,128")
    take_points(config)
    repeat(config)
    assert len(read_grid(config).cells) == 8


def test_hydra_starts_the_jobs_that_were_checked(photos: Path) -> None:
    """Also where the table has been written anew since."""
    words = [points("reg,steps", "0.3,5", "0.5,20"), "seed=0,1"]
    config = composed(*words, "input=synthetic", "hydra.sweeper.max_batch_size=3")
    take_points(config)
    callbacks = Callbacks(config)
    (callback,) = callbacks.callbacks
    callback.sweep = SimpleNamespace(grid=read_grid(config))
    write("reg\n0.7\n")
    context = HydraContext(GlobalHydra.instance().config_loader(), callbacks)
    sweeper: Any = Plugins.instance().instantiate_sweeper(
        hydra_context=context, task_function=print, config=config
    )
    batches = sweeper.split_arguments(OverridesParser.create().parse_overrides(words), 3)
    assert [len(batch) for batch in batches] == [3, 1]
    assert batches[0][0][1:] == ["seed=0", "reg=0.3", "steps=5"] and batches[1][0][1:] == [
        "seed=1",
        "reg=0.5",
        "steps=20",
    ]


def test_a_table_and_its_lines_typed_are_the_same_runs(photos: Path) -> None:
    config = composed(points("reg,steps", "0.3,5", "0.5,20"), "input=synthetic")
    take_points(config)
    typed = composed("reg=0.3,0.5", "steps=5,20", "input=synthetic")
    assert {c.fingerprint for c in read_grid(config).cells} < {c.fingerprint for c in read_grid(typed).cells}


def test_a_spreadsheets_semicolons_and_mark_are_read(photos: Path) -> None:
    assert read_points(write("\ufeffreg;steps\r\n0.3;5\r\n\r\n")) == [["reg=0.3", "steps=5"]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("reg,steps\n", "Got no point"),
        ("", "Got no point"),
        ("reg,reg\n1,2\n", "a setting of its own"),
        ("reg,\n1,2\n", "a setting of its own"),
        ("reg,steps\n0.3,\n", "a value for each of reg, steps"),
        ("reg,steps\n0.3\n", "a value for each of reg, steps"),
        ("reg,steps\n0.3,4,5\n", "a value for each of reg, steps"),
        ('reg,steps\n"0.3,0.4",5\n', "one value per setting"),
        ("reg;steps\n0,3;5\n", "one value per setting"),
        ("reg,seeds\n0.3,3\n", "holds for the whole sweep"),
        ("reg,steps\n[0.3,5\n", "no value of a setting"),
        ("reg\tsteps\n0.3\t5\n", "no value of a setting"),
        ("a: &a [x]\nb: [*a, *a]\n", "a value for each of"),
        ("reg,steps\n\x1b[31m[,5\n", "no value of a setting"),
        ("re\x1b[31mg,re\x1b[31mg\n1,2\n", "a setting of its own"),
        ('reg,steps\n"0.3,5\n0.4,6\n', "a value for each of"),
        (f"reg,steps\n0.3,{'9' * 5000}\n", "no value of a setting"),
        (f"reg,steps\n{'[' * 5000},5\n", "no value of a setting"),
        (f"reg,steps\n{'9' * 200_000},5\n", "larger than field limit"),
        (",".join(f"k{i}" for i in range(50_000)) + "\n1,2\n", "a value for each of"),
        ("reg\n" + "1\n" * 20_001, "Got 20,001 points"),
        ("reg\n" + "1" * (5 << 20), "bytes, of which at most"),
        ("hydra/launcher,reg\njoblib,1\n", "holds for the whole sweep"),
        ("degradation._target_,reg\nos.system,1\n", "chooses no code"),
        ("reg;degradation.steps\n1;[{_target_: os.system, command: ls}]\n", "chooses no code"),
        ("reg;degradation.steps\n1;[{steps: [{_target_: os.system}]}]\n", "chooses no code"),
        ("reg;degradation.steps\n1;'${oc.decode:\"[{_target_: os.system}]\"}'\n", "chooses no code"),
        ("reg;degradation.steps\n1;[{a: '${oc.decode:b}'}]\n", "chooses no code"),
        ("reg;prior\n1;antigravity.Prior\n", "chooses no code"),
        ("reg;prior\n1;${image}\n", "chooses no code"),
        ("reg;metrics\n1;[antigravity.metric]\n", "chooses no code"),
        ("reg;phases\n1;[{space: antigravity.Space}]\n", "chooses no code"),
    ],
    ids=lambda value: value[:30].encode("unicode_escape").decode(),
)
def test_what_is_no_table_of_points_is_refused_in_one_short_line(
    photos: Path, text: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read_points(write(text))
    assert str(caught.value).isprintable() and len(str(caught.value)) < 24 * 80


def test_built_in_names_paths_and_other_settings_are_values_of_a_table(photos: Path) -> None:
    text = "reg;prior;degradation.mask;phases\n1;gaussianized;a.b/${seed}.png;[{space: w+, steps: 0.5}]\n"
    assert read_points(write(text))[0][:3] == [
        "reg=1",
        "prior=gaussianized",
        "degradation.mask=a.b/${seed}.png",
    ]


def test_what_is_no_file_is_refused_without_waiting_for_it(photos: Path) -> None:
    os.mkfifo("pipe.csv")
    Path("latin.csv").write_bytes("image,reg\nGröße.jpg,1\n".encode("latin-1"))
    for name in (
        "pipe.csv",
        "latin.csv",
        "/dev/zero",
        ".",
        "~nobody-here/x.csv",
        "a\0b",
        "no\x1b[31m.csv",
        "a" * 5000,
    ):
        with pytest.raises(ConfigError, match="must be a CSV file") as caught:
            read_points(name)
        assert str(caught.value).isprintable() and len(str(caught.value)) < 24 * 80


def test_two_answers_to_one_question_are_refused(photos: Path) -> None:
    config = composed(points("reg,steps", "0.3,5"), "reg=0.5", "input=synthetic")
    take_points(config)
    with pytest.raises(ConfigError, match="reg is a column"):
        read_grid(config)


def test_a_missing_table_a_single_run_and_another_sweeper_are_refused(photos: Path) -> None:
    with pytest.raises(ConfigError, match="must be a CSV file"):
        read_points("nothing.csv")
    config = composed(points("reg,steps", "0.3,5"))
    with pytest.raises(ConfigError, match="add -m"):
        refuse_without_sweep(config)
    config.hydra.sweeper._target_ = "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper"
    with pytest.raises(ConfigError, match="OptunaSweeper"):
        take_points(config)


@pytest.mark.parametrize("beside", [[], ["seed=0,1"]])
def test_a_line_that_arrives_degraded_is_looked_at_as_on_the_command_line(
    photos: Path, beside: list[str]
) -> None:
    config = composed(points("image,degraded", "me.png,true", "me.png,false"), *beside)
    take_points(config)
    grid = read_grid(config)
    assert [cell.point.replace("seed=0 ", "") for cell in grid.cells][:: len(grid.cells) // 2] == [
        "image=me.png degraded=true degradation=auto",
        "image=me.png degraded=false",
    ]
    assert grid.axes["degradation"] == ["auto"]


def test_an_axis_of_arriving_degraded_is_looked_at_too(photos: Path) -> None:
    grid = read_grid(composed("image=me.png", "degraded=true,false"))
    assert [cell.point for cell in grid.cells] == ["degraded=True degradation=auto", "degraded=False"]


def test_a_degradation_that_is_said_stays(photos: Path) -> None:
    config = composed(points("degraded,degradation", "true,blur", "true,none"), "image=me.png")
    take_points(config)
    grid = read_grid(config)
    assert [cell.point for cell in grid.cells] == [
        "degraded=true degradation=blur",
        "degraded=true degradation=none",
    ]
    config = composed(points("degraded", "true"), "image=me.png", "degradation=grayscale")
    take_points(config)
    assert read_grid(config).axes.keys() == {"degraded"}


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("imgae", "imgae is no setting; image would work"),
        ("kernel_size", "kernel_size is no setting; degradation.kernel_size would work"),
        ("photo", "photo is no setting; columns are such as image, reg, steps"),
        ("degradation.size", "degradation=blur has degradation.kernel_size, degradation.sigma"),
    ],
)
def test_a_column_that_is_no_setting_says_which_would_work(photos: Path, column: str, message: str) -> None:
    config = composed(points(f"reg,{column}", "0.3,5"), "degradation=blur", "input=photo")
    take_points(config)
    with pytest.raises(ConfigError, match=message):
        read_grid(config)
