"""--help: every setting with its value, its meaning and its range, in 100 columns."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from conf.help import WIDTH, leaves, meanings, range_of, settings_help
from conf.yaml_comments import comments
from tests.conf.choices import CHOICES, CONF, PROJECT, composed


@pytest.fixture(scope="module", autouse=True)
def config_folder() -> Iterator[None]:
    for choice in CHOICES:
        if can_be_composed(choice):
            composed(choice)  # before Hydra is set up for the groups that --help lists
    with initialize_config_dir(str(CONF), version_base="1.3"), pytest.MonkeyPatch.context() as patch:
        loader = GlobalHydra.instance().config_loader()  # lists the same folders for every choice
        patch.setattr(loader, "get_group_options", cache(loader.get_group_options))
        yield


def can_be_composed(choice: str) -> bool:
    names = {"launcher=ray": "ray", "launcher=joblib": "joblib", "launcher=slurm": "submitit"}
    return choice not in names or find_spec(f"hydra_plugins.hydra_{names[choice]}_launcher") is not None


COMPOSED = [choice for choice in CHOICES if can_be_composed(choice)]


@pytest.mark.parametrize("choice", COMPOSED)
def test_every_setting_has_a_meaning_and_every_number_a_range(choice: str) -> None:
    root = composed(choice, hydra=True)
    assert [key for key, meaning in meanings(root).items() if not meaning] == []
    numbers = [key for key, value in leaves(root) if type(value) in (int, float)]
    assert [key for key in numbers if not range_of(root, key)] == []


@pytest.mark.parametrize("choice", COMPOSED)
def test_every_setting_is_shown_in_100_columns(choice: str) -> None:
    root = composed(choice, hydra=True)
    lines = settings_help(root).replace("$$", "$").splitlines()
    # An address is not broken.
    assert not [line for line in lines if len(line) > WIDTH and " " in line.strip()]
    shown = {found[1] for line in lines if (found := re.match(r"  ([\w.]+)=", line))}
    assert {key for key, _ in leaves(root)} <= shown


def test_help_shows_values_meanings_and_ranges_of_what_is_chosen() -> None:
    done = subprocess.run(
        [sys.executable, "run.py", "degradation=jpeg", "reg=0.25", "--help"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    text = " ".join(done.stdout.split())
    assert "degradation.quality=12 1 to 95, as in Pillow [1 … 95]" in text
    assert "reg=0.25 weight of the prior, in which 1.0 is a typical random face [≥ 0]" in text
    assert "*jpeg" in text and "afhqcat" in text and "deblur_kernels" in text
    assert 'eval "$(python run.py -sc install=bash)"' in text


def test_a_setting_of_another_folder_is_explained_by_its_own_comment(tmp_path: Path) -> None:
    folder = tmp_path / "degradation"
    folder.mkdir()
    (folder / "mine.yaml").write_text("_target_: my.Mine\nlevels: 4   # colours of each channel\n")
    done = subprocess.run(
        [sys.executable, "run.py", "--config-dir", str(tmp_path), "degradation=mine", "--help"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "*mine" in done.stdout
    assert re.search(r"degradation.levels=4 +colours of each channel", done.stdout)


def test_comments_belong_to_the_setting_that_they_stand_behind() -> None:
    text = """\
# about the file
a: 1          # one
b:            # two
  c: x y      # three,
              # and more of it
  # between
  d: 2
e: [1, 2]     # four
"""
    assert comments(text) == {"a": "one", "b": "two", "b.c": "three, and more of it", "e": "four"}
