"""Where the optimization runs."""

from __future__ import annotations

import torch

from inversion.errors import ConfigError


def choose_device(name: str) -> torch.device:
    """auto takes CUDA, else Apple's MPS, else the CPU. Raises ConfigError for a device that is not there.

    In this process fp32 is fp32 from here on: cuDNN's TF32 would make a blur wrong in its third digit.
    """
    torch.backends.cudnn.allow_tf32 = False
    available = ["cpu"]
    if torch.backends.mps.is_available():
        available.insert(0, "mps")
    if torch.cuda.is_available():
        available.insert(0, "cuda")
    if name == "auto":
        return torch.device(available[0])
    if name.split(":")[0] not in available:
        raise ConfigError(f"device must be auto or one of {', '.join(available)} on this machine. Got {name}")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except RuntimeError as error:
        raise ConfigError(f"device={name} cannot be used: {str(error).splitlines()[0]}") from error
    return device
