"""Several processes that train one net, each on its own share of every batch.

On a busy CPU, processes of one thread get further than one process of several threads, which waits for its slowest
thread in every layer. Set RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT as for torchrun; without them nothing happens.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable, Sequence

import torch
import torch.distributed as dist
from torch import Tensor, nn

PATIENCE = datetime.timedelta(days=1)  # a process may be stopped (SIGSTOP) while something else is measured


def join() -> None:
    """Wait for the other processes, if there are any."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        dist.init_process_group("gloo", timeout=PATIENCE)


def rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def size() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


@torch.no_grad()
def average(tensors: Sequence[Tensor]) -> None:
    """Replace each tensor by its mean over all processes."""
    if size() == 1:
        return
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    dist.all_reduce(flat)
    parts = (flat / size()).split([tensor.numel() for tensor in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        tensor.copy_(part.view_as(tensor))


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """To be called between backward and the optimizer's step."""
    average([parameter.grad for parameter in parameters if parameter.grad is not None])
