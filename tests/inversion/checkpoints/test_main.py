"""python -m inversion.checkpoints"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from inversion.checkpoints import load
from inversion.checkpoints.__main__ import main
from tests.inversion.checkpoints import written


@pytest.mark.parametrize("writer", [written.nvidia, written.tensorflow, written.rosinality])
def test_convert_keeps_every_tensor_and_says_so(
    writer: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(writer)
    path, out = writer(tmp_path / "net.pkl"), tmp_path / "net.safetensors"
    assert main(["convert", str(path), str(out), "--license", "research only"]) == 0
    before, after = load(path), load(out)
    assert before.architecture == after.architecture
    assert before.discriminator is not None and after.discriminator is not None
    assert all(torch.equal(before.generator[k], after.generator[k]) for k in before.generator)
    assert all(torch.equal(before.discriminator[k], after.discriminator[k]) for k in before.discriminator)
    assert after.license == "research only" and after.source == before.source
    said = capsys.readouterr().out
    assert str(out) in said and "img_resolution=16" in said and "license: research only" in said


def test_info_shows_what_a_file_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(written.rosinality(tmp_path / "net.pt", drop=("d",)))]) == 0
    said = capsys.readouterr().out
    assert "net.pt (PyTorch file, sha256 " in said and "discriminator: not in the file" in said
    assert "channel_base=48" in said and "license: not stated in the file" in said


def test_errors_are_one_line_and_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(tmp_path / "none.pkl")]) == 1
    assert main(["convert", str(written.nvidia(tmp_path / "net.pkl")), str(tmp_path / "out.pkl")]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and "no checkpoint file" in lines[0] and "should end in .safetensors" in lines[1]


def test_the_command_runs(tmp_path: Path) -> None:
    path = written.nvidia(tmp_path / "net.pkl")
    command = [sys.executable, "-m", "inversion.checkpoints", "info", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0 and "img_resolution=16" in done.stdout, done.stderr
