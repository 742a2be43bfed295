"""A conditional generator with one class chosen is an unconditional generator: fold the label into its first layer.

The mapping network begins with fc0(cat(z', embed(c)')), where ' scales to a second moment of 1 (Karras et al. 2020,
stylegan2-ada). With c fixed the second half is a constant, so that its share of fc0 belongs to the bias. Nothing
that comes after, the search, the samples and the reports among it, needs to know of classes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math

import torch
from torch import Tensor

from inversion.checkpoints.checkpoint import Checkpoint
from inversion.checkpoints.complete import mean_code
from inversion.errors import CheckpointError
from inversion.generator.ops import normalize_second_moment
from inversion.generator.stylegan2 import MappingNetwork


def choose_class(checkpoint: Checkpoint, class_index: int | None) -> Checkpoint:
    """The checkpoint for pictures of one class; unchanged for None.

    class_index: 0 to c_dim - 1. The mean code is measured anew, over codes of this class only; sha256 becomes one of
    file and class together, because two classes of one file are two generators. Raises CheckpointError for a class
    that the generator does not have.
    """
    if class_index is None:
        return checkpoint
    a = checkpoint.architecture
    if not 0 <= class_index < a.c_dim:
        there = f"has classes 0 to {a.c_dim - 1}" if a.c_dim else "is unconditional: it has no classes"
        raise CheckpointError(f"generator.class_index={class_index}, but the checkpoint {there}")
    architecture = dataclasses.replace(a, c_dim=0)
    tensors = {k: v for k, v in checkpoint.generator.items() if not k.startswith("mapping.embed.")}
    weight, bias = _folded(checkpoint, class_index)
    tensors |= {"mapping.fc0.weight": weight, "mapping.fc0.bias": bias}
    tensors["mapping.w_avg"] = mean_code(tensors, architecture)
    digest = hashlib.sha256(f"{checkpoint.sha256} class {class_index}".encode()).hexdigest()
    return dataclasses.replace(
        checkpoint,
        architecture=architecture,
        generator=tensors,
        w_std=None,
        description=f"Class {class_index} of {a.c_dim}. {checkpoint.description}".strip(),
        sha256=digest,
    )


@torch.no_grad()
def _folded(checkpoint: Checkpoint, class_index: int) -> tuple[Tensor, Tensor]:
    """fc0's weight [w_dim, z_dim] and bias [w_dim] with the label's share inside the bias."""
    a = checkpoint.architecture
    mapping = MappingNetwork(a)
    mapping.load_state_dict(
        {k.removeprefix("mapping."): v for k, v in checkpoint.generator.items() if k.startswith("mapping.")}
    )
    label = normalize_second_moment(mapping.embed(torch.eye(a.c_dim)[class_index : class_index + 1]))[0]
    of_z, of_label = checkpoint.generator["mapping.fc0.weight"].split([a.z_dim, label.numel()], dim=1)
    # Weights are scaled by 1 / sqrt(inputs), of which there are fewer now; the multiplier is the bias's too.
    rescaled = of_z * math.sqrt(a.z_dim / (a.z_dim + label.numel()))
    share = of_label @ label / math.sqrt(a.z_dim + label.numel())
    return rescaled.contiguous(), checkpoint.generator["mapping.fc0.bias"] + share
