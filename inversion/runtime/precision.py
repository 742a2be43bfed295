"""The number format in which synthesis and perceptual network compute; everything else is fp32."""

from __future__ import annotations

import logging
from pathlib import Path

import torch

from inversion.errors import ConfigError
from inversion.generator.architecture import AnyArchitecture

log = logging.getLogger(__name__)

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
BF16_CPU = {"avx512_bf16", "amx_bf16", "bf16"}  # as /proc/cpuinfo calls them; the last one is ARM's
# Highest resolutions, which run in fp16, as the published networks were trained (Karras et al. 2020b, appendix D)
TOP = 4


def choose_dtype(name: str, device: torch.device, architecture: AnyArchitecture) -> torch.dtype:
    """The precision of synthesis and perceptual network that a setting asks for. Raises ConfigError.

    auto: bf16 where the device multiplies it faster than fp32; fp16 on older GPUs (compute capability 7) for networks
    that were trained with it, which have a conv_clamp; else fp32.
    """
    if name == "auto":
        dtype = _automatic(device, architecture)
        log.info("precision=auto: %s on %s", next(n for n, d in DTYPES.items() if d == dtype), device)
        return dtype
    if name not in DTYPES:
        raise ConfigError(f"precision must be one of auto, {', '.join(DTYPES)}. Got {name}")
    if name == "fp16" and device.type == "cpu":
        raise ConfigError("precision=fp16 needs a GPU. Got device=cpu; precision=bf16 or fp32 would work")
    return DTYPES[name]


def lowest_resolution(dtype: torch.dtype, architecture: AnyArchitecture) -> int:
    """Resolution (of StyleGAN3: sampling rate) from which on the synthesis computes in `dtype`; below it in fp32."""
    return architecture.img_resolution >> (TOP - 1) if dtype == torch.float16 else 4


def _automatic(device: torch.device, architecture: AnyArchitecture) -> torch.dtype:
    if device.type == "cpu":
        return torch.bfloat16 if BF16_CPU & cpu_features() else torch.float32
    if device.type == "cuda":
        generation = torch.cuda.get_device_capability(device)[0]
        if generation >= 8:
            return torch.bfloat16
        if generation == 7 and architecture.conv_clamp is not None:
            return torch.float16
    return torch.float32


def cpu_features(path: Path = Path("/proc/cpuinfo")) -> set[str]:
    """Instruction sets of the first core, as Linux lists them; none on other systems."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return set()
    listed = (line.partition(":")[2] for line in lines if line.lower().startswith(("flags", "features")))
    return set(next(listed, "").split())
