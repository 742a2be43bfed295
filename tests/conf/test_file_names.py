"""Whatever a file is called, Hydra gets its name as it is on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from conf.file_names import FILES, hint, spelled
from conf.schema import Config, register

NAMES = [
    "me.jpg",
    "my photo (1).jpg",
    "a,b.jpg",
    "it's me.jpg",
    'say "cheese".jpg',
    '"it\'s" [2] {3}.jpg',
    "'quoted'.jpg",
    "a=b#c~d.jpg",
    "~me.jpg",
    "Größe Übung ß.jpg",
    "照片.jpg",
    "2024",
    "1e3",
    "true",
    "null.jpg",
    "a$b.jpg",
    "back\\slash'.jpg",
    "100%.jpg",
    " leading and trailing ",
    "😀.jpg",
    "choice(1,2)",
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def composed(word: str) -> object:
    """The image, in the top level's types: the groups beside it, which take most of the time, have no say in it."""
    ConfigStore.instance().store("top_level", Config)
    with initialize_config_module("conf", version_base="1.3"):
        return OmegaConf.to_container(compose("top_level", [word]), resolve=True)["image"]  # type: ignore[call-overload,index]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_there_is_read_as_it_is_called(here: Path, name: str) -> None:
    (here / name).touch()
    (word,) = spelled([f"image={name}"])
    assert composed(word) == name


@pytest.mark.parametrize("name", NAMES)
def test_a_file_below_a_folder_is_read_as_it_is_called(here: Path, name: str) -> None:
    (here / name).mkdir()
    (here / name / name).touch()
    (word,) = spelled([f"image={here}/{name}/{name}"])
    assert composed(word) == f"{here}/{name}/{name}"


def test_what_hydra_reads_correctly_stays_as_it_was_typed(here: Path) -> None:
    for name in ("a.jpg", "b.jpg", "my photo.jpg"):
        (here / name).touch()
    words = ["-m", "image=a.jpg,b.jpg", "reg=0.1,0.5", "image=my photo.jpg", "image='a.jpg'", "image=null"]
    assert spelled(words) == words
    assert spelled(["image=nowhere.jpg", "degradation=blur"]) == ["image=nowhere.jpg", "degradation=blur"]


def test_a_grid_of_odd_names_has_a_point_for_each(here: Path) -> None:
    from hydra.core.override_parser.overrides_parser import OverridesParser

    names = ["a (1).jpg", "b,c.jpg", "ü.jpg"]
    for name in names:
        (here / name).touch()
    (word,) = spelled([f"image={','.join(names)}"])
    override = OverridesParser.create().parse_override(word)
    points = [composed(f"image={each}") for each in override.sweep_string_iterator()]
    assert points == names


def test_a_name_with_a_comma_is_one_photo_where_it_is_there_and_else_two(here: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        (here / name).touch()
    assert spelled(["image=a.jpg,b.jpg"]) == ["image=a.jpg,b.jpg"]
    (here / "a.jpg,b.jpg").touch()
    assert spelled(["image=a.jpg,b.jpg"]) == ["image='a.jpg,b.jpg'"]


def test_a_name_that_is_not_there_reaches_the_message_that_says_so(here: Path) -> None:
    (word,) = spelled(["image=no such (file).jpg"])
    assert composed(word) == "no such (file).jpg"


def test_a_tilde_that_the_shell_left_is_the_home_folder(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(here))
    (here / "me.jpg").touch()
    (word,) = spelled(["image=~/me.jpg"])
    assert composed(word) == f"{here}/me.jpg"


def test_other_settings_are_left_alone(here: Path) -> None:
    (here / "0.1,0.5").touch()
    assert spelled(["reg=0.1,0.5"]) == ["reg=0.1,0.5"]


def test_a_name_in_pieces_or_without_its_setting_gets_the_exact_spelling(here: Path) -> None:
    (here / "my photo.jpg").touch()
    (here / "me.jpg").touch()
    said = hint(["degradation=blur", "image=my", "photo.jpg", "steps=5"], "python run.py")
    assert said is not None and "python run.py degradation=blur 'image=my photo.jpg' steps=5" in said
    (here / "a big photo.jpg").touch()
    said = hint(["steps=5", "image=a", "big", "photo.jpg"], "python run.py")
    assert said is not None and "python run.py steps=5 'image=a big photo.jpg'" in said
    said = hint(["me.jpg", "steps=5"], "python run.py")
    assert said is not None and "python run.py image=me.jpg steps=5" in said
    (here / "${b}.jpg").touch()
    said = hint(["image=${b}.jpg"], "python run.py")
    assert said is not None and "rename" in said
    assert hint(["image=${oc.env:HOME}"], "python run.py") is None
    assert hint(["--config-dir", str(here), "image=me.jpg"], "python run.py") is None
    assert hint(["image=me.jpg", "nonsense"], "python run.py") is None


def test_every_setting_that_names_a_file_is_one() -> None:
    """Of some choice of groups, for each."""
    register()
    choices = ["generator=small_file", "generator.path=x", "degradation=inpaint", "loss=lpips"]
    with initialize_config_module("conf", version_base="1.3"):
        config = compose("config", choices)
    missing = object()
    assert [key for key in FILES if OmegaConf.select(config, key, default=missing) is missing] == []
