"""NVIDIA's own projector loop, from a clone of NVlabs/stylegan2-ada-pytorch, on our weights.

Nothing of it is copied here: their projector.py and networks.py run as they are (their licence allows research), with
our VGG16 in the place of the one that they download. Its PyTorch reference operations run on any device.
"""

from __future__ import annotations

import contextlib
import io
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from inversion.generator.architecture import Architecture
from inversion.generator.stylegan2 import Generator


@dataclass(frozen=True)
class TheirRun:
    """A run of their loop."""

    seconds: list[float]  # of each step but the first
    loss: float  # squared distance of the features of the last step's image, before its update


def nvidia_loop(
    clone: Path,
    generator: Generator,
    features: Callable[
        [Tensor], list[Tensor]
    ],  # [B, 3, H, W] in [-1, 1] -> maps whose squared differences are the loss
    target: Tensor,  # [3, R, R] in [-1, 1]
    w_avg_samples: int = 100,  # theirs: 10,000; fewer start sooner, at another mean code
) -> Callable[[int], TheirRun]:
    """A function that runs so many steps."""
    networks, projector = _modules(clone)
    a = generator.architecture
    assert isinstance(a, Architecture)  # their projector is StyleGAN2's
    theirs = networks.Generator(
        a.z_dim,
        a.c_dim,
        a.w_dim,
        a.img_resolution,
        a.img_channels,
        mapping_kwargs={"num_layers": a.mapping_layers},
        synthesis_kwargs={"channel_base": a.channel_base, "channel_max": a.channel_max},
    )
    missing, unexpected = theirs.load_state_dict(generator.state_dict(), strict=False)
    if unexpected or any(not name.endswith("resample_filter") for name in missing):
        raise ValueError(
            f"NVIDIA's generator differs from ours. Got {missing} missing, {unexpected} unexpected."
        )

    class Features:
        """Stands for their TorchScript VGG16: images in [0, 255], one vector per image."""

        def __init__(self) -> None:
            self.seen: list[Tensor] = []  # what the target and the latest image gave

        def eval(self) -> Features:
            return self

        def to(self, device: torch.device) -> Features:
            return self

        def __call__(self, images: Tensor, resize_images: bool, return_lpips: bool) -> Tensor:
            maps = features(images / 127.5 - 1)
            vector = torch.cat([(f / (f.shape[2] * f.shape[3]) ** 0.5).flatten(1) for f in maps], dim=1)
            self.seen = [*self.seen[:1], vector.detach()]
            return vector

    def run(steps: int) -> TheirRun:
        clock, network = StepClock(), Features()
        with (
            mock.patch.object(
                projector.dnnlib.util, "open_url", lambda url: contextlib.nullcontext(io.BytesIO())
            ),
            mock.patch.object(torch.jit, "load", lambda file: network),
            contextlib.redirect_stdout(clock),
        ):
            device = target.device
            image = (target + 1) * 127.5
            projector.project(
                theirs, image, num_steps=steps, w_avg_samples=w_avg_samples, verbose=True, device=device
            )
        wanted, found = network.seen
        return TheirRun(clock.seconds(), (wanted - found).square().sum().item())

    return run


class StepClock(io.StringIO):
    """Notes when their loop reports a step on standard output."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def write(self, text: str) -> int:
        if text.startswith("step "):
            self.times.append(time.perf_counter())
        return len(text)

    def seconds(self) -> list[float]:
        return [after - before for before, after in zip(self.times, self.times[1:], strict=False)]


def _modules(clone: Path) -> tuple[Any, Any]:
    """Their networks and projector. Their package `training` has the name of ours, which is not needed here."""
    for name in [name for name in sys.modules if name.split(".")[0] == "training"]:
        del sys.modules[name]
    sys.path.insert(0, str(clone))
    try:
        sys.modules.setdefault("imageio", ModuleType("imageio"))  # for its video, which is not made
        import projector  # type: ignore[import-not-found]

        from training import networks  # type: ignore[attr-defined]
    finally:
        sys.path.remove(str(clone))
    return networks, projector
