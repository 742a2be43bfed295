"""`make gpu-check` at its smallest, on the CPU: whatever a GPU does not decide runs here, so that it goes on to run."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode

from benchmarks import gpu_check, gpu_processes
from benchmarks.gpu_check import SECTIONS, main, write_page
from benchmarks.gpu_sections import TINY, Check
from conf.schema import register
from sweeps.plan.grid import read_grid

TABLES = {  # a line of each section's part of the page
    "tests": "`pytest -m gpu`: ",
    "graph": "| fp32 (float32) | bit for bit | 0.0e+00 |",
    "precision": "| fp32 with TF32 |",
    "speed": "| 16 px | 2 |",
    "nvidia": "Left out: no clone",
    "grid": "| 2 |",
    "memory": "| 2 | 2 |",
}
IN_PROCESSES = ["tests", "grid", "memory"]


@pytest.mark.parametrize(
    "names",
    [
        [name for name in SECTIONS if name not in IN_PROCESSES],
        pytest.param(IN_PROCESSES, marks=pytest.mark.slow),  # below, with their commands read and not run
    ],
)
def test_every_section_fills_its_part_of_the_page(names: list[str], tmp_path: Path) -> None:
    out = tmp_path / "made" / "gpu.md"
    assert (
        main(["--tiny", "--device", "cpu", "--out", str(out), "--limit", "3000", "--sections", *names]) == 0
    )
    page = out.read_text()
    for name in names:
        part = page.split(f"## {SECTIONS[name].title}")[1].split("##")[0]
        assert TABLES[name] in part


def test_the_commands_of_its_sections_are_ones_that_the_program_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What each process would be asked for composes and is checked, and its results are counted."""

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        if "pytest" in command:
            assert (gpu_processes.PROJECT / command[-1]).is_dir()
            return subprocess.CompletedProcess(command, 0, "2 skipped in 0.01s\n", "")
        (folder,) = (word.partition("=")[2] for word in command if word.startswith("hydra.sweep.dir="))
        words = [word for word in command[3:] if not word.startswith("hydra.")]
        loader = GlobalHydra.instance().config_loader()
        config = loader.load_configuration("config", words, run_mode=RunMode.MULTIRUN)
        for number in range(len(read_grid(config).cells)):
            (Path(folder) / str(number)).mkdir(parents=True)
            (Path(folder) / str(number) / "restored.png").touch()
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr("benchmarks.gpu_processes.subprocess.run", run)
    check = Check(torch.device("cpu"), TINY, None, tmp_path, 3000, time.monotonic() + 3000)
    register()
    with initialize_config_dir(str(gpu_processes.PROJECT / "conf"), version_base="1.3"):
        assert write_page(check, IN_PROCESSES, tmp_path / "gpu.md")
    page = (tmp_path / "gpu.md").read_text()
    assert all(TABLES[name] in page for name in IN_PROCESSES)


def test_what_fails_is_on_the_page_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(check: Check) -> None:
        raise RuntimeError("no such kernel")

    monkeypatch.setitem(gpu_check.SECTIONS, "bad", gpu_check.Section("Bad", 0, fails))
    monkeypatch.setitem(gpu_check.SECTIONS, "good", gpu_check.Section("Good", 0, lambda check: print("fine")))
    monkeypatch.setitem(gpu_check.SECTIONS, "long", gpu_check.Section("Long", 1e9, fails))
    check = Check(torch.device("cpu"), TINY, None, tmp_path, 100, time.monotonic() + 100)
    assert not write_page(check, ["bad", "good", "long"], tmp_path / "gpu.md")
    page = (tmp_path / "gpu.md").read_text()
    assert "FAILED: RuntimeError: no such kernel" in page and "fine" in page and "Left out: " in page


def test_the_sections_fit_into_the_time_of_the_page() -> None:
    assert sum(section.seconds for section in SECTIONS.values()) <= gpu_check.LIMIT < 9 * 60
