"""The benchmark of speed runs and prints every table; its figures are the machine's."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks.bench import Bench, Setting
from benchmarks.nvidia_projector import StepClock
from benchmarks.random_networks import random_lpips
from benchmarks.speed import compare_batches

PROJECT = Path(__file__).parents[2]


def test_the_clock_reads_their_loops_own_report() -> None:
    clock = StepClock()
    for line in (
        "Computing W midpoint",
        "step 1/3: dist 0.1",
        "\n",
        "step 2/3: dist 0.1",
        "step 3/3: dist 0.1",
    ):
        clock.write(line)
    assert len(clock.times) == 3
    assert len(clock.seconds()) == 2


def test_a_random_vgg_keeps_activations_alive() -> None:
    loss = random_lpips(torch.device("cpu"), torch.float32)
    assert loss.vgg is not None
    maps = loss.vgg(torch.rand(1, 3, 32, 32))
    assert all(0.1 < m.std() < 10 for m in maps)


def test_a_batch_that_does_not_fit_is_a_row_of_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    class Small(Bench):
        def search(self, setting: Setting, problems: int, target: Tensor) -> Callable[[], list[float]]:
            def run() -> list[float]:
                if problems > 1:
                    raise RuntimeError("DefaultCPUAllocator: out of memory")
                return [0.25]

            return run

    setting: Any = SimpleNamespace(name="fp32")
    bench = Small(torch.device("cpu"), cfg=None, rounds=1, steps=1)  # type: ignore[arg-type]
    compare_batches(bench, [setting], torch.zeros(1), [1, 2], "64 px")
    printed = capsys.readouterr().out
    assert "| 1 | 250.0 | 1.00 |" in printed
    assert "| 2 | does not fit | 0.00 |" in printed


@pytest.mark.slow
def test_every_section_prints_a_table() -> None:
    arguments = ["--rounds", "1", "--steps", "2", "--batches", "1", "2", "--threads", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.speed", *arguments], cwd=PROJECT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for head in (
        "| step, 128 px, embedded, blur |",
        "| synthesis, backward |",
        "| problems in a pass, 128 px, embedded, blur |",
        "| 200 steps",
    ):
        assert head in done.stdout
