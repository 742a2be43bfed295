"""PyTorch files of state dicts: rosinality's {g_ema, latent_avg, g, d}, NVIDIA's names, and what forks make of both.

What is read: the networks under the keys below or, of a generator alone, the state dict itself; names with
`module.` before them (torch.nn.DataParallel); NVIDIA's whole networks inside a .pt; files without noise maps,
without a mean code, without a discriminator. Whatever else lies in the file is not looked at.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from inversion.checkpoints import nvidia_pkl, rosinality_pt
from inversion.checkpoints.budget import Budget
from inversion.checkpoints.checkpoint import Checkpoint
from inversion.checkpoints.complete import complete_generator
from inversion.checkpoints.deduce import (
    check_discriminator,
    check_filter,
    discriminator_architecture,
    generator_architecture,
)
from inversion.checkpoints.nvidia_layers import is_layer
from inversion.checkpoints.pickled_values import as_mapping, as_tensor
from inversion.checkpoints.torch_file import Storages
from inversion.errors import CheckpointError

log = logging.getLogger(__name__)

AVERAGED = ("g_ema", "G_ema")
LAST_STEP = ("g", "G")
DISCRIMINATORS = ("d", "D")
PARALLEL = "module."  # what DataParallel puts before every name


def convert(tree: Any, budget: Budget, storages: Storages) -> Checkpoint:
    """A parsed .pt file as a checkpoint. Raises CheckpointError when it holds no StyleGAN2."""
    if is_layer(tree):
        return nvidia_pkl.convert(tree, budget, storages)
    nets = as_mapping(tree, "a .pt checkpoint", budget)
    key = next((key for key in (*AVERAGED, *LAST_STEP) if nets.get(key) is not None), None)
    if key is not None and is_layer(nets[key]):
        return nvidia_pkl.convert(nets, budget, storages)
    names = _without_prefix(nets if key is None else as_mapping(nets[key], key, budget))
    if "synthesis.input.freqs" in names:
        raise CheckpointError(
            "a StyleGAN3's state dict does not tell at which sampling rates its layers work. NVIDIA's .pkl of the same "
            "net does, and so does what python -m inversion.checkpoints convert NET.pkl NET.safetensors makes of it"
        )
    theirs = rosinality_pt.recognizes(names)
    if not theirs and "synthesis.b4.const" not in names:
        got = ", ".join(sorted(nets)[:8]) or "nothing"
        raise CheckpointError(
            "a .pt checkpoint should hold a StyleGAN2's state dict under g_ema (rosinality's) or G_ema (NVIDIA's "
            f"names), or be one. Got {got}; torch.save({{'g_ema': g_ema.state_dict()}}, FILE) writes one"
        )
    if key in LAST_STEP:
        log.warning("the file has no averaged generator g_ema: %s is taken, a little worse", key)

    def tensors(values: Mapping[str, Any], what: str) -> dict[str, Tensor]:
        return {name: as_tensor(value, f"{what}.{name}", budget, storages) for name, value in values.items()}

    read = tensors(names, key or "generator")
    g_tensors = rosinality_pt.generator(read) if theirs else _without_filters(read)
    if nets.get("latent_avg") is not None:
        g_tensors["mapping.w_avg"] = as_tensor(nets["latent_avg"], "latent_avg", budget, storages).flatten()
    architecture = generator_architecture(g_tensors)
    g_tensors = complete_generator(g_tensors, architecture)
    d = next((nets[key] for key in DISCRIMINATORS if nets.get(key) is not None), None)
    if key is None or d is None:
        return Checkpoint(architecture, g_tensors)
    read = tensors(_without_prefix(as_mapping(d, "the discriminator", budget)), "d")
    if theirs:
        d_tensors = rosinality_pt.discriminator(read, architecture.img_resolution)
    else:
        d_tensors = _without_filters(read)
    d_architecture = discriminator_architecture(d_tensors)
    check_discriminator(d_tensors, d_architecture)
    return Checkpoint(architecture, g_tensors, d_architecture, d_tensors)


def _without_prefix(values: Mapping[str, Any]) -> dict[str, Any]:
    if values and all(name.startswith(PARALLEL) for name in values):
        return {name.removeprefix(PARALLEL): value for name, value in values.items()}
    return dict(values)


def _without_filters(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """NVIDIA's buffers hold the resampling filter of every layer."""
    for name, tensor in tensors.items():
        if name.endswith("resample_filter"):
            check_filter(tensor, name)
    return {name: tensor for name, tensor in tensors.items() if not name.endswith("resample_filter")}
