"""The sections of benchmarks/gpu_check.py that run the program as a person would, each in a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.bench import table
from benchmarks.gpu_sections import Check, random_model
from benchmarks.random_networks import random_checkpoint
from benchmarks.same_search import reference
from benchmarks.timed_search import timed_search
from inversion.batching import release_memory
from inversion.checkpoints.safetensors_file import save
from inversion.losses.pixel import PixelLoss

PROJECT = Path(__file__).resolve().parents[1]
CONTEXT = 2**30  # bytes that a process takes of a GPU besides its tensors, generously
PROBLEMS = 16  # in the pass that must not fit


@dataclass(frozen=True)
class Swept:
    """A sweep that was run."""

    restored: int  # points with a restoration
    seconds: float
    text: str  # of its console


def tests(check: Check) -> None:
    """pytest's own last line."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "tests/gpu"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    lines = done.stdout.strip().splitlines() or [done.stderr.strip()]
    print("\n".join(line for line in lines if line.startswith(("FAILED", "ERROR"))) or "No failures.")
    print(f"\n`pytest -m gpu`: {lines[-1]}")
    if done.returncode:
        raise RuntimeError(f"pytest ended with {done.returncode}")


def sweep(check: Check, name: str, *overrides: str) -> Swept:
    """A multirun of run.py that records into folders only."""
    folder = check.folder / name
    words = ["-m", "launcher=batched", "tracking=none", f"device={check.device}", f"hydra.sweep.dir={folder}"]
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "run.py", *words, *overrides], cwd=PROJECT, capture_output=True, text=True
    )
    seconds = time.monotonic() - began
    if done.returncode:
        raise RuntimeError(f"run.py ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return Swept(len(list(folder.rglob("restored.png"))), seconds, done.stdout + done.stderr)


def grid(check: Check) -> None:
    """The sample portrait, blurred, on the embedded net."""
    swept = sweep(check, "grid", "degradation=blur", *check.sizes.grid)
    table(["points restored", "s, with start and records"], [[str(swept.restored), f"{swept.seconds:.1f}"]])
    wanted = 1
    for axis in check.sizes.grid:
        wanted *= axis.count(",") + 1
    if swept.restored != wanted:
        raise RuntimeError(f"{swept.restored} of {wanted} points were restored")


def memory(check: Check) -> None:
    """PROBLEMS problems as one pass, with so little memory left free that two or three of them fit."""
    side = check.sizes.halved
    net = check.folder / "net.safetensors"
    save(random_checkpoint(side), net)
    problems = PROBLEMS if check.device.type == "cuda" else 2
    ballast = fill(check, side) if check.device.type == "cuda" else None
    regs = "reg=" + ",".join(f"{0.01 * (i + 1):g}" for i in range(problems))
    words = ["generator=small_file", f"generator.path={net}", "loss=pixel", "input=synthetic", "steps=5"]
    swept = sweep(check, "memory", *words, regs, f"launcher.batch_size={problems}")
    sizes = re.findall(r"going on with (\d+)", swept.text)
    del ballast
    passes = " → ".join([str(problems), *sizes])
    table(
        ["points restored", "problems in a pass", "s"],
        [[str(swept.restored), passes, f"{swept.seconds:.1f}"]],
    )
    if swept.restored != problems:
        raise RuntimeError(f"{swept.restored} of {problems} points were restored")
    if check.device.type == "cuda" and not sizes:
        raise RuntimeError("the pass was not halved: it fitted into the memory that was left free")
    if check.device.type != "cuda":
        print("\nNo CUDA device: memory was not filled, nothing had to be halved.")


def fill(check: Check, side: int) -> torch.Tensor:
    """Memory that this process holds, so that about three problems fit beside it."""
    model, _ = random_model(check, side, "auto")
    one, two = (timed_search(model, PixelLoss(), reference(3), count).bytes for count in (1, 2))
    del model
    release_memory()
    free, _ = torch.cuda.mem_get_info(check.device)
    spare = one + 2 * (two - one) + CONTEXT
    print(f"{free / 2**30:.1f} GiB were free, {spare / 2**30:.1f} GiB are left.")
    return torch.empty(max(0, free - spare), dtype=torch.uint8, device=check.device)
