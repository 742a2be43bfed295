"""Everything worth knowing about a GPU, on one page, in under nine minutes: `make gpu-check [CLONE=folder]`.

    python -m benchmarks.gpu_check [--clone CLONE] [--out outputs/gpu.md] [--device auto] [--tiny] [--sections …]

CLONE: of NVlabs/stylegan2-ada-pytorch, to run its loop beside ours. The page is printed while it is made and written
to a file. A section that fails is on the page with its error, and the exit code is 1. --tiny: all of it in seconds, on
a CPU as well, to see that it runs.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks import gpu_processes, gpu_sections
from benchmarks.gpu_sections import FULL, TINY, Check
from inversion.batching import release_memory
from inversion.runtime.device import choose_device
from inversion.runtime.heap import keep_heap

LIMIT = 520.0  # seconds, for the whole page


@dataclass(frozen=True)
class Section:
    title: str
    seconds: float  # that it may take; left out when fewer are left
    run: Callable[[Check], None]  # prints Markdown


SECTIONS = {
    "tests": Section("Tests marked gpu", 60, gpu_processes.tests),
    "graph": Section("CUDA graph against kernels launched from Python", 25, gpu_sections.graph),
    "precision": Section("precision=auto against fp32 over a whole run", 40, gpu_sections.precision),
    "speed": Section("Steps per second, memory, share of the matrix peak", 60, gpu_sections.speed),
    "nvidia": Section("The same search as NVIDIA's loop", 100, gpu_sections.nvidia),
    "grid": Section("A grid of 15 points, launcher=batched", 40, gpu_processes.grid),
    "memory": Section("A pass that does not fit is halved", 60, gpu_processes.memory),
}


class Page(io.StringIO):
    """Keeps what is printed, and passes it on."""

    def __init__(self) -> None:
        super().__init__()
        self.terminal = sys.stdout

    def write(self, text: str) -> int:
        self.terminal.write(text)
        self.terminal.flush()
        return super().write(text)


def write_page(check: Check, names: list[str], out: Path) -> bool:
    """Run the sections; True when none has failed. The file is written after each, so that a kill keeps them."""
    out.parent.mkdir(parents=True, exist_ok=True)
    sound = True
    with contextlib.redirect_stdout(Page()) as page:
        print(f"# GPU check\n\n{machine(check.device)}")
        for section in map(SECTIONS.__getitem__, names):
            print(f"\n## {section.title}\n")
            began = time.monotonic()
            if check.left() < section.seconds:
                print(f"Left out: {check.left():.0f} s of {check.limit:.0f} s were left.")
                continue
            try:
                section.run(check)
            except Exception as error:
                sound = False
                print(f"FAILED: {type(error).__name__}: {error}")
                traceback.print_exc()  # on standard error
            release_memory()
            print(f"\n({time.monotonic() - began:.0f} s)")
            out.write_text(page.getvalue())
        print(f"\n{check.limit - check.left():.0f} s in all.")
        out.write_text(page.getvalue())
    return sound


def machine(device: torch.device) -> str:
    if device.type != "cuda":
        return f"torch {torch.__version__}, no CUDA device: {device.type}, {torch.get_num_threads()} threads."
    facts = torch.cuda.get_device_properties(device)
    version = f"torch {torch.__version__}, CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"
    return (
        f"{facts.name}, {facts.total_memory / 2**30:.0f} GiB, compute capability {facts.major}.{facts.minor}; "
        f"{version}."
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clone", type=Path, help="of NVlabs/stylegan2-ada-pytorch")
    parser.add_argument("--out", type=Path, default=Path("outputs/gpu.md"))
    parser.add_argument("--device", default="auto", help="cpu, cuda, auto")
    parser.add_argument("--tiny", action="store_true", help="the smallest nets, a few steps")
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds, for all of it")
    chosen = parser.parse_args(arguments)
    device = choose_device(chosen.device)
    keep_heap()
    with tempfile.TemporaryDirectory() as folder:
        sizes = TINY if chosen.tiny else FULL
        ends = time.monotonic() + chosen.limit
        check = Check(device, sizes, chosen.clone, Path(folder), chosen.limit, ends)
        sound = write_page(check, chosen.sections, chosen.out)
    print(f"written to {chosen.out}", file=sys.stderr)
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
