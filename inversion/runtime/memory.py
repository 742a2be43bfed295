"""How many problems one optimizer pass can hold."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import Tensor

from inversion.images import downsample_area
from inversion.losses.perceptual_loss import PerceptualLoss
from inversion.model import Model
from inversion.search.objective import feature_distances

SHARE = 0.5  # of the free memory; the rest is for the backward pass
# Larger batches are hardly faster, and a killed process would lose more. Measured with the embedded generator (64 px,
# blur) on one core, ms per problem and step at 1, 2, 4, 8, 16, 32, 64 problems: bf16 19.8 13.2 10.7 8.3 7.7 7.4 7.0;
# fp32 28.5 20.3 16.1 13.9 12.6 12.2 11.6. Throughput never falls, so up to here only memory limits a pass.
LARGEST_PASS = {"cpu": 32, "cuda": 256, "mps": 32}


class OutOfMemory(Exception):
    """A pass over several problems did not fit into memory."""

    def __init__(self, problems: int) -> None:
        super().__init__(f"{problems} problems in one pass do not fit into memory")


def is_out_of_memory(error: BaseException) -> bool:
    """CUDA raises a type of its own, the CPU's allocator and MPS a RuntimeError that only its text distinguishes."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    phrases = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, RuntimeError) and any(phrase in str(error).lower() for phrase in phrases)


def problems_that_fit(model: Model, loss: PerceptualLoss, samples: int = 1) -> int:
    """Free memory over what one problem's forward pass keeps for its backward pass, both measured; at least 1.

    samples: restarts per problem, each of which takes as much as a problem.
    """
    device = model.w_avg.device
    fit = SHARE * free_bytes(device) / bytes_per_problem(model, loss)
    return max(1, int(min(fit, LARGEST_PASS[device.type]) / samples))


def bytes_per_problem(model: Model, loss: PerceptualLoss) -> int:
    """Memory that a second problem adds to what autograd keeps between the forward and the backward pass."""
    return kept_bytes(model, loss, 2) - kept_bytes(model, loss, 1)


def kept_bytes(model: Model, loss: PerceptualLoss, batch: int) -> int:
    """Bytes that the forward pass of so many problems keeps, the networks' weights included."""
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    synthesis = model.synthesis
    ws = model.w_avg.expand(batch, synthesis.architecture.num_ws, -1).clone().requires_grad_()
    noises = [ws.new_zeros(batch, 1, side, side).requires_grad_() for side in synthesis.noise_resolutions]
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        images = synthesis(ws, noises)
        features = [
            feature
            for distance in feature_distances(loss, images.device)
            for feature in distance.features(downsample_area(images, distance.resolution))
        ]
    return sum(kept.values()) + sum(feature.nbytes for feature in features)


def free_bytes(device: torch.device) -> int:
    """Memory that a process may still take on this device."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory()
    return min(_free_on_machine(), _free_in_container())


def _free_on_machine() -> int:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):  # not Linux
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def _free_in_container() -> int:
    """What the control group (version 2, else 1) has left; 2^62 where there is no limit."""
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        try:
            return int(Path(limit).read_text()) - int(Path(used).read_text())
        except (OSError, ValueError):  # no such group, or "max"
            continue
    return 2**62
