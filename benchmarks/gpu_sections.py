"""The sections of benchmarks/gpu_check.py that run in its own process: each prints a part of the page."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig
from torch import Tensor

from benchmarks.bench import milliseconds, table
from benchmarks.nvidia_projector import nvidia_loop
from benchmarks.random_networks import random_checkpoint, random_lpips
from benchmarks.same_search import STRENGTH, reference, relative
from benchmarks.timed_search import Timed, eager, matrix_peak, step_flop, timed_search
from conf.schema import register
from inversion.batching import release_memory
from inversion.checkpoints.checkpoint import Checkpoint
from inversion.images import downsample_area, quantize
from inversion.losses.lpips import LPIPS
from inversion.metrics.psnr import psnr
from inversion.model import Model, build
from inversion.photos import Photos, Synthetic
from inversion.runtime.memory import is_out_of_memory
from inversion.search.hyperparameters import Hyperparameters

PROJECT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Sizes:
    """How much of everything."""

    nets: tuple[int, ...]  # px, of published shapes with random weights
    batches: tuple[int, ...]
    steps: int  # of a search whose speed is measured
    whole: int | None  # steps of a whole run; None: the preset's
    beside: int  # px of the net that NVIDIA's loop runs beside
    search: int  # its steps
    grid: tuple[str, ...]  # 15 points
    halved: int  # px of the net whose passes are halved


FULL = Sizes(
    nets=(64, 128, 256, 1024),
    batches=(1, 2, 4, 8, 16, 32),
    steps=12,
    whole=None,
    beside=256,
    search=1000,
    grid=("reg=0.001,0.01,0.1,0.5,1.0", "steps=100,300,500"),
    halved=256,
)
TINY = Sizes((16,), (1, 2), 3, 3, 16, 3, ("reg=0.1,0.5", "steps=1"), 16)


@dataclass(frozen=True)
class Check:
    """What the sections share."""

    device: torch.device
    sizes: Sizes
    clone: Path | None  # of NVlabs/stylegan2-ada-pytorch
    folder: Path  # for what they write
    limit: float  # seconds, of the whole page
    ends: float  # when that is over, by time.monotonic

    def left(self) -> float:
        """Seconds."""
        return self.ends - time.monotonic()


def random_model(check: Check, side: int, precision: str) -> tuple[Model, LPIPS]:
    """A net of a published shape, its noise maps switched on, and LPIPS in its precision; random weights."""
    checkpoint = random_checkpoint(side)
    for name, tensor in checkpoint.generator.items():
        if name.endswith("noise_strength"):
            tensor.fill_(STRENGTH)
    model = build(checkpoint, check.device, precision)
    return model, random_lpips(check.device, model.dtype)


def graph(check: Check) -> None:
    """The losses of one search, captured and not, step by step."""
    side, settings = check.sizes.beside, reference(50 if check.sizes.whole is None else check.sizes.steps)
    rows = []
    for precision in ("fp32", "auto"):
        model, loss = random_model(check, side, precision)
        graphed, again = timed_search(model, loss, settings), timed_search(model, loss, settings)
        with eager():
            launched = timed_search(model, loss, settings)
        differences = relative(graphed.losses, launched.losses)
        same = "bit for bit" if graphed.losses == launched.losses else f"within {max(differences):.1e}"
        itself = max(relative(graphed.losses, again.losses))
        speeds = [milliseconds(timed.seconds) for timed in (graphed, launched)]
        rows.append(
            [f"{precision} ({str(model.dtype).removeprefix('torch.')})", same, f"{itself:.1e}", *speeds]
        )
    head = [
        f"{side} px, {settings.steps} steps",
        "losses agree",
        "graph against itself",
        "graph, ms a step",
        "from Python, ms",
    ]
    table(head, rows)


def precision(check: Check) -> None:
    """The sample portrait, blurred, on the embedded net with its preset."""
    cfg = composed("degradation=blur")
    settings = Hyperparameters.of(cfg)
    if check.sizes.whole is not None:
        settings = replace(settings, steps=check.sizes.whole)
    checkpoint, rows = instantiate(cfg.generator), []
    for label, name, tf32 in (
        ("fp32", "fp32", False),
        ("fp32 with TF32", "fp32", True),
        ("auto", "auto", False),
    ):
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=tf32):
            rows.append([label, *whole_run(check, cfg, checkpoint, name, settings)])
    head = [f"blur, {settings.steps} steps", "loss at the end", "fit, dB", "restored, dB", "s"]
    table(head, rows)
    print(
        "\nSearches take the first and the third. TF32, 10 bits, is PyTorch's default for convolutions on a GPU of "
        "capability 8 and more; runtime/device.py turns it off. Codes only: feature maps are not fitted here."
    )


def whole_run(
    check: Check, cfg: DictConfig, checkpoint: Checkpoint, precision: str, settings: Hyperparameters
) -> list[str]:
    """Loss, PSNR to the observed photo and to the original, seconds."""
    model = build(checkpoint, check.device, precision)
    loss = instantiate(cfg.loss).bind(model.discriminator, check.device, model.dtype)
    original = Photos().load(model.generator).photos[0].image[None].to(check.device)
    operator = instantiate(cfg.degradation).bind(original, False)
    observed = quantize(operator(original))
    timed = timed_search(model, loss, settings, 1, observed, operator)
    with torch.no_grad():
        restored = model.generator.synthesis(timed.result.ws, timed.result.noises)
    fits = [psnr(operator(restored), observed).item(), psnr(restored, original).item()]
    return [f"{timed.losses[-1]:.4f}", *(f"{fit:.2f}" for fit in fits), f"{timed.whole_seconds:.1f}"]


def composed(*overrides: str) -> DictConfig:
    register()
    with initialize_config_dir(str(PROJECT / "conf"), version_base="1.3"):
        return compose("config", list(overrides))


def speed(check: Check) -> None:
    """hyperparameters=reference with LPIPS, precision=auto; a net's batches stop where time or memory ends."""
    reserve = 0.4 * check.limit  # seconds for the sections that come after
    settings, rows = reference(check.sizes.steps), []
    for side in check.sizes.nets:
        model, loss = random_model(check, side, "auto")
        flop, peak = step_flop(model, loss), matrix_peak(check.device, model.dtype)
        for batch in check.sizes.batches:
            if check.left() < reserve:
                rows.append([f"{side} px", str(batch), "no time left", *[""] * 3])
                break
            timed = attempt(model, loss, settings, batch)
            if timed is None:
                rows.append([f"{side} px", str(batch), "does not fit", *[""] * 3])
                break
            rate = batch / timed.seconds
            memory = f"{timed.bytes / 2**30:.2f}" if timed.bytes else "-"
            rows.append(
                [
                    f"{side} px",
                    str(batch),
                    f"{1 / timed.seconds:.1f}",
                    f"{rate:.1f}",
                    memory,
                    f"{flop * rate / peak:.1%}",
                ]
            )
        del model, loss
        release_memory()
    head = ["net", "problems", "steps/s", "steps/s times problems", "GiB", "of the matrix peak"]
    table(head, rows)


def attempt(model: Model, loss: LPIPS, settings: Hyperparameters, batch: int) -> Timed | None:
    """None where it does not fit into memory."""
    try:
        return timed_search(model, loss, settings, batch)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        release_memory()
        return None


def nvidia(check: Check) -> None:
    """Whole searches of one photo: theirs in fp32, ours in fp32 and as precision=auto chooses."""
    if check.clone is None:
        print("Left out: no clone of NVlabs/stylegan2-ada-pytorch was given (make gpu-check CLONE=folder).")
        return
    side, steps = check.sizes.beside, check.sizes.search
    exact, exact_loss = random_model(check, side, "fp32")
    target = quantize(Synthetic(seed=1).load(exact.generator).photos[0].image[None].to(check.device))
    their = nvidia_loop(check.clone, exact.generator, exact_loss.features, target[0])(steps)
    seconds = sum(their.seconds) * steps / max(1, steps - 1)
    rows = [["NVIDIA's projector.py, reference operations", f"{seconds:.1f}", "1.0", f"{their.loss:.4f}"]]
    for name in ("fp32", "auto"):
        model, loss = random_model(check, side, name)
        timed = timed_search(model, loss, reference(steps), 1, target)
        rows.append(
            [f"ours, {name}", f"{timed.whole_seconds:.1f}", f"{seconds / timed.whole_seconds:.1f}"]
            + [f"{distance(exact, exact_loss, timed, target):.4f}"]
        )
    table([f"{side} px, {steps} steps", "s", "times faster", "LPIPS at the end"], rows)


def distance(model: Model, loss: LPIPS, timed: Timed, target: Tensor) -> float:
    """LPIPS of what was found, in fp32."""
    with torch.no_grad():
        image = model.generator.synthesis(timed.result.ws, timed.result.noises)
        seen, wanted = (loss.features(downsample_area(x, loss.resolution)) for x in (image, target))
        value = loss(seen, wanted).item()
    if not math.isfinite(value):
        raise RuntimeError(f"the search ended at a loss of {value}")
    return value
