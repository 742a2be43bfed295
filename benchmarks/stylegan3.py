"""StyleGAN3 beside NVIDIA's own code: `python -m benchmarks.stylegan3 CLONE [--sizes 256] [--configs t r] [--steps 2]`.

CLONE: of github.com/NVlabs/stylegan3, which runs as it is (its licence allows research), by its reference operations
on any device. Its constructor draws a net of the published shape, its classes pickle it, our reader reads the pickle.
One Markdown line per net: difference of the pictures, and CPU seconds of a step (image and gradient of the codes).
"""

from __future__ import annotations

import argparse
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from inversion.checkpoints import load
from inversion.generator.stylegan2 import Generator

CONFIGS: dict[str, dict[str, Any]] = {
    "t": {"channel_base": 32768, "channel_max": 512},
    "r": {"channel_base": 65536, "channel_max": 1024, "conv_kernel": 1, "use_radial_filters": True},
}
HEAD = """| net | whose, precision | CPU seconds of a step | peak memory, GB | largest difference |
| --- | --- | --- | --- | --- |"""
HALVED = 256  # px, up to which NVIDIA's nets have half the channels


def theirs(clone: Path, size: int, config: str) -> Any:
    """A generator with random weights, of the shape of stylegan3-{config}-ffhq(u)-{size}x{size}.pkl."""
    for name in [name for name in sys.modules if name.split(".")[0] == "training"]:
        del sys.modules[name]
    sys.path.insert(0, str(clone))
    try:
        if (
            "pkg_resources" not in sys.modules
        ):  # gone from new setuptools; only its version numbers are wanted
            from packaging.version import parse

            versions = ModuleType("pkg_resources")
            versions.parse_version = parse  # type: ignore[attr-defined]
            sys.modules["pkg_resources"] = versions
        from training import networks_stylegan3  # type: ignore[attr-defined]
    finally:
        sys.path.remove(str(clone))
    shape = dict(CONFIGS[config])
    if size <= HALVED:
        shape["channel_base"] //= 2
    torch.manual_seed(0)
    return networks_stylegan3.Generator(512, 0, 512, size, 3, **shape).eval().requires_grad_(False)


def seconds(synthesis: Callable[[Tensor], Tensor], ws: Tensor, steps: int) -> tuple[float, Tensor]:
    """CPU seconds of the fastest step, and its picture."""
    taken = []
    for _ in range(steps):
        ws = ws.detach().requires_grad_(True)
        began = time.process_time()
        image = synthesis(ws)
        torch.autograd.grad(image.square().sum(), ws)
        taken.append(time.process_time() - began)
    return min(taken), image.detach()


def measure(clone: Path, size: int, config: str, who: str, steps: int, folder: Path) -> None:
    """In a process of its own, since the peak of memory is a process's."""
    name, net = f"{size} px, config {config.upper()}", theirs(clone, size, config)
    ws = torch.randn(1, net.num_ws, net.w_dim, generator=torch.Generator().manual_seed(1))
    picture = folder / f"{size}{config}.pt"
    if who == "nvidia":
        taken, image = seconds(net.synthesis, ws, steps)
        torch.save(image, picture)
        print(f"| {name} | NVIDIA's, fp32 | {taken:.1f} | {peak():.1f} | |", flush=True)
        return
    file = folder / f"{size}{config}.pkl"
    with open(file, "wb") as opened:
        pickle.dump({"G_ema": net}, opened)
    del net
    checkpoint = load(file)
    file.unlink()
    generator = Generator(checkpoint.architecture).requires_grad_(False)
    generator.load_state_dict(checkpoint.generator)
    generator.synthesis.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    prepared = generator.synthesis.prepare(torch.float32 if who == "fp32" else torch.bfloat16)
    taken, image = seconds(lambda ws: prepared(ws, []), ws, steps)
    difference = ""
    if picture.exists():
        expected = torch.load(picture)
        difference = f"{(image - expected).abs().max():.1e} of {expected.abs().max():.2f}"
    print(f"| {name} | ours, {who} | {taken:.1f} | {peak():.1f} | {difference} |", flush=True)


def peak() -> float:
    """GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clone", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256])
    parser.add_argument("--configs", nargs="+", choices=CONFIGS, default=list(CONFIGS))
    parser.add_argument(
        "--who", nargs="+", choices=["nvidia", "fp32", "bf16"], default=["nvidia", "fp32", "bf16"]
    )
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)  # of one measurement's process
    options = parser.parse_args()
    if options.folder is not None:
        (size,), (config,), (who,) = options.sizes, options.configs, options.who
        measure(options.clone, size, config, who, options.steps, options.folder)
        return
    print(HEAD, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for size in options.sizes:
            for config in options.configs:
                for who in options.who:
                    command = [
                        sys.executable,
                        "-m",
                        "benchmarks.stylegan3",
                        str(options.clone),
                        "--folder",
                        folder,
                    ]
                    command += ["--sizes", str(size), "--configs", config, "--who", who]
                    subprocess.run([*command, "--steps", str(options.steps)], check=True)


if __name__ == "__main__":
    main()
