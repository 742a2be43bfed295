"""How fast is a search: `python -m benchmarks.speed [--sections …] [--sizes 256 1024] [--nvidia CLONE]`.

Everything that is compared runs in turn in one process, a few steps at a time, and medians are printed as Markdown.
Reference settings: fp32, the generator's weights prepared in every step, the heap returned to the system. Compare
ratios of one run; milliseconds belong to the machine and to what else it did.
"""

from __future__ import annotations

import argparse
import gc
import math
import statistics
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.bench import Bench, Setting, milliseconds, settings_of, table
from benchmarks.nvidia_projector import nvidia_loop
from benchmarks.random_networks import CHANNEL_BASE, random_checkpoint, random_lpips
from conf.schema import register
from inversion.batching import release_memory
from inversion.latents import noise_maps
from inversion.losses.noise_regularizer import noise_regularizer
from inversion.optimizers.adam import Adam
from inversion.passes import restore
from inversion.photos import Synthetic
from inversion.priors.latent_distance import latent_distance
from inversion.record.open import open_record, open_store
from inversion.record.record import Record
from inversion.restoration import Problem
from inversion.runtime.device import choose_device
from inversion.runtime.heap import enable_gc, keep_heap
from inversion.runtime.memory import is_out_of_memory

PROJECT = Path(__file__).resolve().parents[1]
SECTIONS = ("steps", "parts", "batch", "recording")


def peak(bench: Bench, dtype: torch.dtype) -> float:
    """FLOP/s of the best 3x3 convolution found: [B, C, R, R] -> same, forward, channels last."""
    batch, best = (32 if bench.device.type == "cuda" else 1), 0.0
    for channels, side in ((128, 64), (256, 64), (512, 32)):
        x = torch.randn(batch, channels, side, side, device=bench.device).to(
            dtype, memory_format=torch.channels_last
        )
        weight = torch.randn(channels, channels, 3, 3, device=bench.device).to(
            dtype, memory_format=torch.channels_last
        )
        seconds = []
        for _ in range(12):
            began = bench.clock()
            torch.nn.functional.conv2d(x, weight, padding=1)
            seconds.append(bench.clock() - began)
        best = max(best, 2 * 9 * channels**2 * batch * side**2 / statistics.median(seconds[2:]))
    return best


def compare_steps(
    bench: Bench, settings: Sequence[Setting], target: Tensor, clone: Path | None, note: str
) -> None:
    """Whole steps of one problem under each setting, and NVIDIA's loop where a clone is given."""
    runs: dict[str, Callable[[], Iterable[float]]] = {}
    if clone is not None:
        exact = settings[1]
        loop = nvidia_loop(clone, exact.model.generator, exact.loss.features, target[0])

        def theirs() -> list[float]:
            keep_heap(False)
            return loop(bench.steps).seconds

        runs["NVIDIA's projector.py"] = theirs
    runs |= {setting.name: bench.search(setting, 1, target) for setting in settings}
    medians = bench.race(runs)
    first = next(iter(medians))
    table(
        [f"step, {note}", "ms", f"times {first}"],
        [[name, milliseconds(s), f"{medians[first] / s:.2f}"] for name, s in medians.items()],
    )


def compare_parts(bench: Bench, settings: Sequence[Setting], target: Tensor) -> None:
    """Where a step's time goes, and how much of the machine's convolution speed that is."""
    samples: dict[tuple[str, str], list[float]] = {}
    flops: dict[str, float] = {}
    peaks = {s.name: peak(bench, s.model.dtype) for s in settings}
    for number in range(bench.rounds * 4 + 2):
        for setting in settings:
            keep_heap(setting.keep)
            for part, (seconds, work) in one_step(bench, setting, target).items():
                if number >= 2:
                    samples.setdefault((part, setting.name), []).append(seconds)
                flops[part] = work
    medians = {key: statistics.median(seconds) for key, seconds in samples.items()}
    for setting in settings:
        medians["all", setting.name] = sum(medians[part, setting.name] for part in flops)
    flops["all"] = sum(flops.values())
    rows, head = [], [f"part, {flops['all'] / 1e9:.2f} GFLOP in all"]
    for setting in settings:
        head += [f"{setting.name}, ms", f"GFLOP/s (of {peaks[setting.name] / 1e9:.0f})"]
    for part, work in flops.items():
        row = [part]
        for setting in settings:
            seconds = medians[part, setting.name]
            speed = f"{work / seconds / 1e9:.0f} ({work / seconds / peaks[setting.name]:.0%})"
            row += [milliseconds(seconds), speed if work > 1e6 else ""]
        rows.append(row)
    table(head, rows)


def one_step(bench: Bench, setting: Setting, target: Tensor) -> dict[str, tuple[float, float]]:
    """Seconds and floating-point operations of each part of one step."""
    model, loss = setting.model, setting.loss
    a = model.generator.architecture
    latent = model.w_avg.expand(1, a.num_ws, -1).clone().requires_grad_()
    noises = [torch.randn(1, 1, r, r, device=bench.device).requires_grad_() for r in a.noise_resolutions]
    operator = instantiate(bench.cfg.degradation).bind(target, False)
    with torch.no_grad():
        goal = loss.features(operator.target(operator(target), loss.resolution))
    adam = Adam([latent, *noises])
    found: dict[str, tuple[float, float]] = {}

    def part(name: str, work: Callable[[], Any]) -> Any:
        began = bench.clock()
        result = work()
        seconds = bench.clock() - began
        with FlopCounterMode(display=False) as counter:  # again, since counting takes time
            if not name.endswith("backward") and name != "optimizer":
                work()
        found[name] = seconds, float(counter.get_total_flops())
        return result

    def back(name: str, output: Tensor, inputs: list[Tensor], gradient: Tensor | None = None) -> list[Tensor]:
        began = bench.clock()
        gradients = torch.autograd.grad(output, inputs, gradient)
        seconds = bench.clock() - began
        found[f"{name}, backward"] = seconds, found[f"{name}, forward"][1]  # frozen weights: as much again
        return list(gradients)

    images = part("synthesis, forward", lambda: setting.synthesis(latent, noises))
    leaf = images.detach().requires_grad_()
    seen = part("degradation, forward", lambda: operator.prediction(leaf, loss.resolution))
    seen_leaf = seen.detach().requires_grad_()
    value = part("perceptual loss, forward", lambda: loss(loss.features(seen_leaf), goal).sum())
    (gradient,) = back("perceptual loss", value, [seen_leaf])
    (gradient,) = back("degradation", seen, [leaf], gradient)
    gradients = back("synthesis", images, [latent, *noises], gradient)
    terms = part(
        "regularizers, forward",
        lambda: (noise_regularizer(noises) + latent_distance(latent, model.w_avg, 1.0)).sum(),
    )
    back("regularizers", terms, [latent, *noises])
    rate = torch.full([1], 1e-3, device=bench.device)

    def update() -> None:
        adam.step(gradients, rate)
        for noise in noises:
            noise.data = noise_maps.normalize(noise.data)

    part("optimizer", update)
    return found


def compare_batches(
    bench: Bench, settings: Sequence[Setting], target: Tensor, sizes: Sequence[int], note: str
) -> None:
    """Time per problem when several share a pass, and on a GPU the memory that they take."""
    peaks: dict[str, int] = {}

    def measured(name: str, run: Callable[[], list[float]]) -> Callable[[], list[float]]:
        def attempt() -> list[float]:
            if bench.device.type == "cuda":
                torch.cuda.reset_peak_memory_stats(bench.device)
            try:
                seconds = run()
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                release_memory()
                return [math.inf]
            if bench.device.type == "cuda":
                peaks[name] = torch.cuda.max_memory_allocated(bench.device)
            return seconds

        return attempt

    names = {(setting.name, size): f"{setting.name} {size}" for setting in settings for size in sizes}
    runs = {
        names[setting.name, size]: measured(names[setting.name, size], bench.search(setting, size, target))
        for setting in settings
        for size in sizes
    }
    medians = bench.race(runs)
    base = medians[names[settings[0].name, sizes[0]]] / sizes[0]
    rows = []
    for size in sizes:
        row = [str(size)]
        for setting in settings:
            name = names[setting.name, size]
            per_problem = medians[name] / size
            row += [milliseconds(per_problem), f"{base / per_problem:.2f}"]
            row += [f"{peaks[name] / 2**30:.2f}"] if name in peaks else ["-"] if peaks else []
        rows.append(row)
    columns = ["ms per problem", "ratio"] + (["GiB"] if peaks else [])
    table([f"problems in a pass, {note}"] + [f"{s.name}, {c}" for s in settings for c in columns], rows)


def compare_recording(bench: Bench, setting: Setting, steps: int = 200) -> None:
    """The same run with and without its record: losses, pictures and animation, in a folder and in MLflow."""
    (photo,) = Synthetic().load(setting.model.generator).photos
    problem = Problem(photo, instantiate(bench.cfg.degradation), bench.hyperparameters(steps))
    keep_heap()
    gc.disable()  # as run.py does, until MLflow is imported

    def search(*records: Record) -> None:
        restore(replace(setting.model, synthesis=setting.synthesis), setting.loss, [problem], records)

    def plain() -> float:
        began = bench.clock()
        search()
        return bench.clock() - began

    with tempfile.TemporaryDirectory() as folder:
        config: dict[str, Any] = OmegaConf.to_container(bench.cfg, resolve=True)  # type: ignore[assignment]
        store = open_store(f"sqlite:///{folder}/mlflow.db", "speed", "artifacts", Path(folder))

        def recorded() -> float:
            place = Path(tempfile.mkdtemp(dir=folder))
            record = open_record(problem, config, "speed", {}, place, store)
            enable_gc()
            began = bench.clock()
            search(record)
            record.flush()
            seconds = bench.clock() - began
            record.close("FINISHED", "")
            return seconds

        rounds = [(plain(), recorded()) for _ in range(3 * bench.rounds + 1)][1:]  # the first is a warm-up
    without, recording = (statistics.median(seconds) for seconds in zip(*rounds, strict=True))
    extra = statistics.median(b / a - 1 for a, b in rounds)  # of neighbours: the machine's speed drifts
    table(
        [f"{steps} steps, {setting.name}", "s", "cost"],
        [
            ["not recorded", f"{without:.2f}", ""],
            ["losses, pictures, MLflow", f"{recording:.2f}", f"{extra:+.1%}"],
        ],
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--sections", nargs="*", choices=SECTIONS, default=list(SECTIONS), help="embedded generator"
    )
    parser.add_argument(
        "--sizes", nargs="*", type=int, choices=CHANNEL_BASE, default=[], help="random nets, px"
    )
    parser.add_argument(
        "--net-sections", nargs="*", choices=SECTIONS[:3], default=["steps"], help="of the random nets"
    )
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 2, 4, 8, 16])
    parser.add_argument(
        "--nvidia", type=Path, help="clone of NVlabs/stylegan2-ada-pytorch, to run its loop beside"
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda, auto")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=8, help="per setting and round")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    register()
    with initialize_config_dir(str(PROJECT / "conf"), version_base="1.3"):
        blur, plain = (
            compose("config", overrides)
            for overrides in (["degradation=blur"], ["hyperparameters=reference", "generator=portraits"])
        )
    device = choose_device(chosen.device)
    bench = Bench(device, blur, chosen.rounds, chosen.steps)
    hardware = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{chosen.threads} threads"
    print(f"torch {torch.__version__}, {device.type}, {hardware}; medians of {chosen.rounds} rounds in turn")
    checkpoint = instantiate(blur.generator)
    sections = chosen.sections
    if sections:
        settings = settings_of(
            checkpoint, bench, lambda m: instantiate(blur.loss).bind(m.discriminator, device, m.dtype)
        )
        target = Synthetic().load(settings[0].model.generator).photos[0].image[None].to(device)
        side = checkpoint.architecture.img_resolution
        if "steps" in sections:
            compare_steps(bench, settings, target, None, f"{side} px, embedded, blur")
        if "parts" in sections:
            compare_parts(bench, settings, target)
        if "batch" in sections:
            compare_batches(bench, settings, target, chosen.batches, f"{side} px, embedded, blur")
        if "recording" in sections:
            compare_recording(bench, settings[-1])
    # NVIDIA's problem: plain inversion in W under LPIPS.
    bench = replace(bench, cfg=plain)
    nets = [random_checkpoint(size) for size in chosen.sizes]
    if chosen.nvidia is not None and sections:
        nets.insert(0, checkpoint)
    for net in nets:
        settings = settings_of(net, bench, lambda m: random_lpips(device, m.dtype))
        target = torch.rand(1, 3, *[net.architecture.img_resolution] * 2, device=device) * 2 - 1
        note = (
            f"{net.architecture.img_resolution} px, VGG16 at {min(256, net.architecture.img_resolution)} px"
        )
        if "steps" in chosen.net_sections:
            coarse = replace(settings[-1], name=f"{settings[-1].name}, in a coarse phase", coarse=True)
            saves = net.architecture.img_resolution > settings[-1].loss.resolution
            compare_steps(bench, [*settings, coarse] if saves else settings, target, chosen.nvidia, note)
        if "parts" in chosen.net_sections:
            compare_parts(bench, settings, target)
        if "batch" in chosen.net_sections:
            compare_batches(bench, settings, target, chosen.batches, note)


if __name__ == "__main__":
    main()
