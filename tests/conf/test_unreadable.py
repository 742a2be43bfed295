"""Words and files that make Hydra die are refused in one line; everything that it can read or refuse is left to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from conf.unreadable import unreadable
from sweeps.cli import main

DIGITS = "9" * 5000


@pytest.mark.parametrize(
    "word",
    [
        f"steps={DIGITS}",
        f"reg=-{DIGITS}",
        f"seed=1_{DIGITS}",
        f"degradation.kernel_size={DIGITS}",
        f"+new={DIGITS}",
        f"steps=1,{DIGITS}",
        f"steps=range(1,{DIGITS})",
        f"steps=choice(1,{DIGITS})",
        f"phases=[{{steps: {DIGITS}}}]",
        f"image={DIGITS}",
        "steps=range(1,10,0)",
        "reg=" + "[" * 3000 + "]" * 3000,
        "reg=" + "{a:" * 3000 + "1" + "}" * 3000,
    ],
    ids=lambda word: word[:16],
)
def test_words_that_hydra_dies_of_are_refused_in_one_short_line(word: str) -> None:
    said = unreadable(["-m", "tracking=none", word])
    assert said and "no value of a setting" in said and len(said) < 300 and len(said.splitlines()) == 1


@pytest.mark.parametrize(
    "word",
    [
        "steps=10",
        "reg=0.1,1",
        "seed=range(0,100000)",
        "reg=1e400",
        "steps=interval(1,2)",
        "a b",
        "x=(",
        "reg=glob(*)",
    ]
    + ["~loss", "degradation=blur", "image='a (1).jpg'", "", "=", f"image={'a' * 5000}"],
)
def test_all_others_are_left_to_hydra(word: str) -> None:
    assert unreadable([word]) is None


@pytest.mark.parametrize(
    "content", ["a: [1, 2", f"steps: {DIGITS}", "\ta: 1", "a: !!python/name:os.system", "\0", "1: {2"]
)
def test_an_own_file_that_is_no_yaml_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "experiment" / "mine.yaml"
    file.parent.mkdir()
    file.write_text("# @package _global_\n" + content)
    for given in (["--config-dir", str(tmp_path)], [f"--config-dir={tmp_path}"], ["-cd", str(tmp_path)]):
        said = unreadable([*given, "+experiment=mine"])
        assert said and str(file) in said and len(said.splitlines()) == 1
    assert unreadable(["+experiment=mine"]) is None
    file.write_text("# @package _global_\nsteps: 3")
    assert unreadable([*given, "+experiment=mine"]) is None


def test_the_command_ends_with_that_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that sys.exit is given is printed, and the exit code is 1."""
    monkeypatch.setattr("sys.argv", ["run.py", "tracking=none", f"steps={DIGITS}"])
    monkeypatch.setattr("sweeps.cli.outlive_closed_pipes", lambda: None)
    with pytest.raises(SystemExit) as ended:
        main()
    assert str(ended.value.code).startswith("This is no value of a setting: steps=999")
